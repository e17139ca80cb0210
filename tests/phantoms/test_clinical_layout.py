# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import MARKER, write_clinical
from monai_gradprom.phantoms.clinical_ultrasound import ultrasound_cine

SAMPLE = Path(__file__).parents[2] / "sample_data" / "clinical"
SLICES = [f"cd/PT000000/ST000000/SE000000/IM{k:06d}" for k in range(6)]
IMAGES = [*SLICES, "radiography/test_object.dcm", "ultrasound/IM_0002", "ultrasound/cine.dcm"]
OTHERS = [
    "README.txt",
    "cd/DICOMDIR",
    "reports/report.dcm",
    "research/frame.jpg",
    "research/frame.mhd",
    "research/frame.raw",
    "research/frame_16bit.png",
    "research/frame_8bit.png",
    "research/sequence.nii.gz",
    "ultrasound/broken.dcm",
]


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("clinical")
    write_clinical(root, seed=3)
    return root


def test_every_file_is_there_and_the_same_seed_gives_the_same_bytes(written, tmp_path):
    assert sorted(contents(written)) == sorted(IMAGES + OTHERS)
    write_clinical(tmp_path, seed=3)
    assert contents(tmp_path) == contents(written)


def test_another_seed_gives_other_pixels_and_other_uids():
    one, two = ultrasound_cine(3, frames=1), ultrasound_cine(4, frames=1)
    assert not np.array_equal(one.PixelData, two.PixelData)
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.StudyInstanceUID != two.StudyInstanceUID


def test_images_open_in_pydicom_as_one_study_of_nobody(written):
    found = [pydicom.dcmread(written / name) for name in IMAGES]
    assert {(str(d.PatientName), d.StudyInstanceUID) for d in found} == {("Phantom^Sample", found[0].StudyInstanceUID)}
    assert len({d.SOPInstanceUID for d in found}) == len(found)
    assert {d.Modality for d in found} == {"CT", "CR", "US"}
    assert all(d.pixel_array.std() > 0 for d in found)


def test_cine_has_writing_outside_its_region_and_noise_inside(written):
    data = pydicom.dcmread(written / "ultrasound" / "cine.dcm")
    assert data.SOPClassUID.name == "Ultrasound Multi-frame Image Storage"
    assert (data.NumberOfFrames, data.BitsStored, data.PhotometricInterpretation) == (10, 8, "MONOCHROME2")
    (region,) = data.SequenceOfUltrasoundRegions
    inside = np.zeros((data.Rows, data.Columns), bool)
    inside[
        region.RegionLocationMinY0 : region.RegionLocationMaxY1 + 1,
        region.RegionLocationMinX0 : region.RegionLocationMaxX1 + 1,
    ] = True
    frames = data.pixel_array
    assert frames[:, ~inside].max() > 200
    assert (frames[:, ~inside] == frames[:1, ~inside]).all()
    assert len(np.unique(frames[:, inside], axis=0)) == 10
    # Electronic noise is drawn anew for each frame; tissue alone would hardly change from one to the next.
    middle = frames[:, region.RegionLocationMaxY1 - 60 :, data.Columns // 2].astype(float)
    assert np.abs(np.diff(middle, axis=0)).mean() > 10


def test_still_is_rgb_with_an_image_region_and_a_trace(written):
    data = pydicom.dcmread(written / "ultrasound" / "IM_0002")
    assert (data.PhotometricInterpretation, data.SamplesPerPixel) == ("RGB", 3)
    assert [r.RegionSpatialFormat for r in data.SequenceOfUltrasoundRegions] == [1, 4]  # 2-D, wave form
    image, trace = (
        data.pixel_array[
            r.RegionLocationMinY0 : r.RegionLocationMaxY1 + 1, r.RegionLocationMinX0 : r.RegionLocationMaxX1 + 1
        ].astype(int)
        for r in data.SequenceOfUltrasoundRegions
    )
    assert (np.ptp(image, axis=-1) > 100).mean() > 0.01  # flow
    assert (np.ptp(image, axis=-1) == 0).mean() > 0.5  # grey tissue
    assert trace[..., 1].max() == 220
    assert data.Rows == data.SequenceOfUltrasoundRegions[1].RegionLocationMaxY1 + 1


def test_ct_is_a_series_in_hounsfield_units_with_padding(written):
    slices = [pydicom.dcmread(written / name) for name in SLICES]
    assert len({d.SeriesInstanceUID for d in slices}) == 1
    assert np.allclose(np.diff([d.ImagePositionPatient[2] for d in slices]), -slices[0].SliceThickness)
    for data in slices:
        assert (data.BitsStored, data.PixelRepresentation, data.PixelPaddingValue) == (16, 1, -2000)
        stored = data.pixel_array
        assert 0.01 < (stored == -2000).mean() < 0.3
        units = stored[stored != -2000] * data.RescaleSlope + data.RescaleIntercept
        assert units.min() >= -1024
        assert 20 < np.median(units[(units > -20) & (units < 110)]) < 70  # muscle is about 45 HU


def test_radiograph_shows_the_beam_dark(written):
    data = pydicom.dcmread(written / "radiography" / "test_object.dcm")
    assert (data.PhotometricInterpretation, data.BitsStored, data.PixelRepresentation) == ("MONOCHROME1", 12, 0)
    wedge = data.pixel_array[20:36, 20:170].mean(axis=0)
    assert wedge[-4:].mean() > wedge[:4].mean() + 500
    assert data.pixel_array.max() < 4096


def test_what_is_no_image_and_what_is_broken(written):
    assert pydicom.dcmread(written / "reports" / "report.dcm").Modality == "SR"
    directory = pydicom.dcmread(written / "cd" / "DICOMDIR")
    listed = ["/".join(r.ReferencedFileID) for r in directory.DirectoryRecordSequence if "ReferencedFileID" in r]
    assert sorted(f"cd/{name}" for name in listed) == SLICES
    broken = pydicom.dcmread(written / "ultrasound" / "broken.dcm")
    with pytest.raises((ValueError, AttributeError)):
        broken.pixel_array  # noqa: B018


def test_other_formats_hold_echocardiograms(written):
    folder = written / "research"
    expected = {"frame_8bit.png": ("L", 255), "frame_16bit.png": ("I;16", 65535), "frame.jpg": ("L", 255)}
    for name, (mode, top) in expected.items():
        with Image.open(folder / name) as image:
            assert image.mode == mode
            assert 0.6 * top < np.asarray(image).max() <= top
    sequence = nib.load(folder / "sequence.nii.gz")
    assert sequence.ndim == 3
    assert sequence.shape[2] == 4
    header = dict(line.split(" = ") for line in (folder / "frame.mhd").read_text().splitlines())
    width, height = map(int, header["DimSize"].split())
    assert (folder / header["ElementDataFile"]).stat().st_size == width * height


def test_negative_seed_is_refused(tmp_path):
    with pytest.raises(InputError, match="seed"):
        write_clinical(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()


def test_committed_folder_is_what_the_generator_makes(tmp_path):
    """Fails when the generator changed and `monai-gradprom sample-data sample_data` was not run again."""
    found = contents(SAMPLE)
    assert sorted(found) == sorted([*IMAGES, *OTHERS, MARKER])
    assert sum(map(len, found.values())) < 3e6
    assert "--only clinical --seed 0" in json.loads(found[MARKER])["command"]
    stored = pydicom.dcmread(SAMPLE / "ultrasound" / "cine.dcm")
    made = ultrasound_cine(0)
    difference = np.frombuffer(stored.PixelData, np.uint8).astype(int) - np.frombuffer(made.PixelData, np.uint8)
    assert np.abs(difference).max() <= 1 or (np.abs(difference) > 1).mean() < 0.01  # another Pillow draws otherwise
    assert stored.SOPInstanceUID == made.SOPInstanceUID
