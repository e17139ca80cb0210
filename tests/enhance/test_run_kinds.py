# SPDX-License-Identifier: Apache-2.0
"""Images of several frames, colours and regions, from end to end."""

from __future__ import annotations

import shutil

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_datasets import item, write_dicom
from enhance_commands import rows
from enhance_inputs import SHIFTED, pixels, shifting, write_nifti, write_ultrasound
from pydicom.data import get_testdata_file
from tiny_bundles import SRRESNET, image_format, write_bundle

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance
from monai_gradprom.networks import SRResNet

SHIFT_OF_BYTES = round(SHIFTED * 255)
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


@pytest.fixture
def run(tmp_path):
    bundle = shifting(tmp_path / "bundle", modality="US")

    def run_here(**options):
        given = {"bundle": bundle, "device": "cpu", "workers": 0} | options
        code = run_enhance(Options(tmp_path / "in", tmp_path / "out", **given))
        return code, rows(tmp_path / "out")

    return run_here


def read(path):
    dataset = pydicom.dcmread(path)
    return dataset, dataset.pixel_array.astype(int)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_colour_cine_changes_in_its_regions_only(tmp_path, run, batch_size):
    """A grey bundle works on the luminance: all three colours go up alike."""
    write_ultrasound(tmp_path / "in" / "cine", 5, region=(2, 3, 9, 8))
    assert run(batch_size=batch_size)[0] == 0
    (_, before), (dataset, after) = (read(tmp_path / name / "cine") for name in ("in", "out"))
    assert after.shape == (5, 12, 14, 3)
    inside = np.zeros((12, 14), bool)
    inside[3:9, 2:10] = True  # DICOM counts the last column and row as inside
    np.testing.assert_array_equal(after[:, ~inside], before[:, ~inside])
    np.testing.assert_array_equal(after[:, inside], np.minimum(before[:, inside] + SHIFT_OF_BYTES, 255))
    assert dataset.ImageType[0] == "DERIVED"
    assert dataset.PhotometricInterpretation == "RGB"


def test_several_regions_of_which_some_are_spectra(tmp_path, run):
    boxes = [((0, 0, 3, 3), 1), ((5, 0, 8, 3), 3), ((5, 6, 13, 11), 1)]
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    regions = [item(RegionSpatialFormat=kind, **dict(zip(names, box, strict=True))) for box, kind in boxes]
    write_ultrasound(tmp_path / "in" / "some", SequenceOfUltrasoundRegions=regions)
    write_ultrasound(tmp_path / "in" / "none", SequenceOfUltrasoundRegions=regions[1:2])
    code, found = run()
    assert (code, found["none"]["status"], found["some"]["status"]) == (0, "skipped", "done")
    assert "region" in found["none"]["reason"]
    (_, before), (_, after) = (read(tmp_path / name / "some") for name in ("in", "out"))
    inside = np.zeros((12, 14), bool)
    inside[0:4, 0:4] = inside[6:12, 5:14] = True
    assert ((after != before).any(-1) == inside).all()


def test_palettes_and_ybr_of_ultrasound(tmp_path, run):
    """As another library shows them, before and after."""
    pytest.importorskip("pydicom.pixels", reason="pydicom 2 has these files under other names")
    data = get_testdata_file
    (tmp_path / "in").mkdir()
    for name in ("examples_palette.dcm", "examples_ybr_color.dcm", "examples_rgb_color.dcm"):
        shutil.copy(data(name), tmp_path / "in")
    code, found = run(strength=0.0)
    assert code == 0
    assert {row["status"] for row in found.values()} == {"done"}
    for name in ("examples_ybr_color.dcm", "examples_rgb_color.dcm"):
        (_, before), (dataset, after) = (read(tmp_path / folder / name) for folder in ("in", "out"))
        np.testing.assert_array_equal(after, before)
        assert dataset.PhotometricInterpretation == "RGB"


def test_a_nifti_sequence(tmp_path, run):
    """Four axes: every slice at every time goes through the bundle, and comes back where it was."""
    write_nifti(tmp_path / "in" / "a.nii.gz", (6, 5, 4, 3))
    code, found = run(batch_size=5)  # no divisor of the 12 slices
    assert (code, found["a.nii.gz"]["status"]) == (0, "done")
    before, after = (nibabel.load(tmp_path / name / "a.nii.gz") for name in ("in", "out"))
    source, result = (np.asanyarray(image.dataobj).astype(float) for image in (before, after))
    # without a window the smallest and largest value are 0 and 1
    low, high = source.min(), source.max()
    np.testing.assert_array_equal(result, np.rint(source + SHIFTED * (high - low)))
    assert after.get_data_dtype() == before.get_data_dtype()
    np.testing.assert_array_equal(after.affine, before.affine)


def test_an_enhanced_multiframe_object(tmp_path, run):
    """Each frame's group of its own says that it is derived; windows of the frames are united."""
    values = pixels(3, 8, 9, dtype=np.uint16)

    def group(number):
        return item(
            FrameVOILUTSequence=[item(WindowCenter=100 + 50 * number, WindowWidth=101)],
            PixelValueTransformationSequence=[item(RescaleSlope=2, RescaleIntercept=0, RescaleType="US")],
            MRImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"])],
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, number])],
        )

    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[1, 1], SliceThickness=1)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
    )
    write_dicom(
        tmp_path / "in" / "a",
        values,
        SOPClassUID=ENHANCED_MR,
        Modality="MR",
        ImageType=["ORIGINAL", "PRIMARY", "M", "NONE"],
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[group(number) for number in range(3)],
    )
    code, _ = run(any_modality=True)
    assert code == 0
    (_, before), (dataset, after) = (read(tmp_path / name / "a") for name in ("in", "out"))
    low, high = 100 - 50.5, 200 + 49.5 + 0.0
    units = 2 * before
    inside = (units >= low) & (units <= high)
    assert inside.any() and not inside.all()
    np.testing.assert_array_equal(after[~inside], before[~inside])
    expected = before + SHIFTED * (high - low) / 2
    assert np.abs(after - expected)[inside].max() <= 0.51
    assert dataset.ImageType[0] == "DERIVED"
    frames = dataset.PerFrameFunctionalGroupsSequence
    assert [g.MRImageFrameTypeSequence[0].FrameType[0] for g in frames] == ["DERIVED"] * 3
    assert [float(g.PlanePositionSequence[0].ImagePositionPatient[2]) for g in frames] == [0, 1, 2]


def test_an_enlarged_cine(tmp_path, run):
    weights = SRResNet(**{name: value for name, value in SRRESNET.items() if name != "_target_"}).state_dict()
    bundle = write_bundle(tmp_path / "sr", SRRESNET, weights, image_format(num_channels=1))
    write_ultrasound(tmp_path / "in" / "cine", 3)
    code, _ = run(bundle=bundle)
    assert code == 0
    dataset, after = read(tmp_path / "out" / "cine")
    assert after.shape == (3, 24, 28, 3)
    region = dataset.SequenceOfUltrasoundRegions[0]
    assert (region.RegionLocationMinX0, region.RegionLocationMaxX1) == (4, 19)


def test_large_frames_are_spooled_and_read_piece_by_piece(tmp_path, run):
    """With 43 kB the result is the same: half of that is less than all frames, the whole more than one on its way."""
    write_ultrasound(tmp_path / "in" / "cine", 50)
    write_nifti(tmp_path / "in" / "a.nii.gz", (12, 11, 7, 10))
    assert run()[0] == 0
    expected = {name: (tmp_path / "out" / name).read_bytes() for name in ("cine", "a.nii.gz")}
    record = (tmp_path / "out" / "run.json").read_bytes()
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_bytes(record)
    assert run(memory=4e-5, batch_size=3)[0] == 0
    assert expected == {name: (tmp_path / "out" / name).read_bytes() for name in expected}
