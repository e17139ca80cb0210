# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import imagecodecs
import nibabel as nib
import numpy as np
import pytest
import torch
from dicom_datasets import US, US_CINE, colour, item, write_dicom, write_series
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, Invertd

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import (
    LoadClinicalImage,
    LoadClinicalImaged,
    SaveEnhancedImage,
    SaveEnhancedImaged,
    ScaleStoredRange,
    ScaleStoredRanged,
)

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (3, 5, 4)).astype(np.uint8)


@pytest.mark.parametrize("name", ["IM0001", "1.2.840.7", "a.dcm", "a.png"])
def test_dicom_is_found_by_its_content(tmp_path: Path, name: str) -> None:
    path = write_dicom(tmp_path / name, BYTES[0])
    out = LoadClinicalImage(channels=1)(path)
    np.testing.assert_array_equal(out.numpy(), BYTES[0].T[None])
    assert out.meta["stored_dtype"] == "uint8" and out.meta["stored_range"] == (0, 255) and out.meta["frame"] == -1
    assert out.meta["filename_or_obj"] == str(path)


def test_frames_of_a_cine(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a", BYTES, PixelSpacing=[0.3, 0.2])
    out = LoadClinicalImage()(path, frame=2)
    np.testing.assert_array_equal(out.numpy(), BYTES[2].T[None])
    assert out.meta["frame"] == 2
    np.testing.assert_allclose(out.affine, np.diag([-0.2, -0.3, 1, 1]))
    with pytest.raises(InputError, match=r"3 frames.*`frame`, 0 to 2"):
        LoadClinicalImage()(path)
    with pytest.raises(InputError, match="numbered 0 to 2"):
        LoadClinicalImage()(path, frame=3)


def test_each_frame_of_an_enhanced_object_has_its_own_place(tmp_path: Path) -> None:
    def places(*depths: float) -> list:
        return [item(PlanePositionSequence=[item(ImagePositionPatient=[10, 20, z])]) for z in depths]

    path = write_dicom(tmp_path / "a", BYTES, PerFrameFunctionalGroupsSequence=places(30, 28, 26))
    for frame in (0, 2):
        affine = LoadClinicalImage()(path, frame=frame).affine
        np.testing.assert_allclose(affine[:3, 3], [-10, -20, 30 - 2 * frame])
    shared = write_dicom(tmp_path / "b", BYTES, SharedFunctionalGroupsSequence=places(30))
    np.testing.assert_allclose(LoadClinicalImage()(shared, frame=2).affine[:3, 3], [-10, -20, 30])


def test_units_are_integers_where_they_fit(tmp_path: Path) -> None:
    pixels = np.array([[0, 24, 4095]], dtype=np.uint16)
    twelve = {"BitsStored": 12, "HighBit": 11, "RescaleIntercept": -1024}
    out = LoadClinicalImage()(write_dicom(tmp_path / "a", pixels, RescaleSlope=1, **twelve))
    assert out.dtype == torch.int16 and out.flatten().tolist() == [-1024, -1000, 3071]
    # 16 bits and a slope of 2 reach beyond int16
    out = LoadClinicalImage()(write_dicom(tmp_path / "b", pixels, RescaleSlope=2, RescaleIntercept=-1024))
    assert out.dtype == torch.int32 and out.flatten().tolist() == [-1024, -976, 7166]
    out = LoadClinicalImage()(write_dicom(tmp_path / "c", pixels, RescaleSlope=0.5, RescaleIntercept=1))
    assert out.dtype == torch.float32 and out.flatten().tolist() == [1, 13, 2048.5]


def test_monochrome1_is_mirrored_within_what_it_can_hold(tmp_path: Path) -> None:
    inverse = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12, "HighBit": 11}
    pixels = np.array([[0, 1000, 4095]], dtype=np.uint16)
    window = {"WindowCenter": 1000.5, "WindowWidth": 1001}
    out = LoadClinicalImage()(write_dicom(tmp_path / "a", pixels, **inverse, **window))
    assert out.flatten().tolist() == [4095, 3095, 0]
    # the window 500 to 1500 is mirrored with the pixels
    assert out.meta["stored_range"] == (2595, 3595)
    out = LoadClinicalImage()(write_dicom(tmp_path / "b", pixels, **inverse, RescaleSlope=2, RescaleIntercept=-10))
    assert out.flatten().tolist() == [8180, 6180, -10]
    assert out.meta["stored_range"] == (-10, 8180)
    out = LoadClinicalImage()(write_dicom(tmp_path / "c", BYTES[0], PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(out[0].numpy(), 255 - BYTES[0].T)


def test_the_range_is_of_the_window_or_else_of_the_pixels(tmp_path: Path) -> None:
    pixels = np.array([[-2000, 5, 60]], dtype=np.int16)
    window = {"WindowCenter": 40, "WindowWidth": 401}
    assert LoadClinicalImage()(write_dicom(tmp_path / "a", pixels, **window)).meta["stored_range"] == (-160.5, 239.5)
    out = LoadClinicalImage()(write_dicom(tmp_path / "b", pixels, PixelPaddingValue=-2000))
    assert out.meta["stored_range"] == (5, 60)
    flat = LoadClinicalImage()(write_dicom(tmp_path / "c", np.full((2, 2), 9, np.int16)))
    assert flat.meta["stored_range"] == (9, 10)
    # viewers show 8 bits whole, whatever window there is
    assert LoadClinicalImage()(write_dicom(tmp_path / "d", BYTES[0], **window)).meta["stored_range"] == (0, 255)


def test_colour_ultrasound_is_grey_by_its_luminance(tmp_path: Path) -> None:
    rgb = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    path = write_dicom(tmp_path / "a", rgb.tobytes(), SOPClassUID=US, Modality="US", **colour(4, 6))
    out = LoadClinicalImage(channels=1)(path)
    by_hand = np.rint(rgb.astype(float) @ np.array([0.299, 0.587, 0.114])).T[None]
    assert out.dtype == torch.uint8 and out.meta["stored_range"] == (0, 255)
    np.testing.assert_array_equal(out.numpy(), by_hand)
    photograph = write_dicom(tmp_path / "b", rgb.tobytes(), Modality="XC", **colour(4, 6))
    with pytest.raises(InputError, match="colours"):
        LoadClinicalImage(channels=1)(photograph)


def test_colour(tmp_path: Path) -> None:
    rgb = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    path = write_dicom(tmp_path / "a", rgb.tobytes(), SOPClassUID=US, **colour(4, 6))
    np.testing.assert_array_equal(LoadClinicalImage(channels=3)(path).numpy(), rgb.transpose(2, 1, 0))
    with pytest.raises(InputError, match="colours"):
        LoadClinicalImage(channels=1)(path)
    grey = write_dicom(tmp_path / "b", np.repeat(BYTES[0][..., None], 3, -1).tobytes(), **colour(5, 4))
    np.testing.assert_array_equal(LoadClinicalImage(channels=1)(grey).numpy(), BYTES[0].T[None])


def test_a_folder_is_a_volume_or_a_sequence(tmp_path: Path) -> None:
    slices = write_series(tmp_path / "scan", WindowCenter=40, WindowWidth=401)
    volume = LoadClinicalImage(spatial_dims=3)(tmp_path / "scan")
    np.testing.assert_array_equal(volume[0].numpy(), np.stack([s.T.astype(int) - 1024 for s in slices], axis=-1))
    np.testing.assert_allclose(volume.affine[:3, 2], [0, 0, 2.5])
    assert volume.meta["stored_range"] == (-160.5, 239.5)
    for frame in (0, 3):
        out = LoadClinicalImage()(tmp_path / "scan", frame=frame)
        np.testing.assert_array_equal(out[0].numpy(), slices[frame].T.astype(int) - 1024)
        np.testing.assert_allclose(out.affine[2, 3], 100 + 2.5 * frame)
    with pytest.raises(InputError, match="4 frames"):
        LoadClinicalImage()(tmp_path / "scan")
    with pytest.raises(InputError, match="holds no DICOM image"):
        LoadClinicalImage()(tmp_path)


def test_a_folder_of_cines_counts_on(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a", BYTES, InstanceNumber=2)
    write_dicom(tmp_path / "b", BYTES[:2], InstanceNumber=1)
    np.testing.assert_array_equal(LoadClinicalImage()(tmp_path, frame=1)[0].numpy(), BYTES[1].T)
    np.testing.assert_array_equal(LoadClinicalImage()(tmp_path, frame=4)[0].numpy(), BYTES[2].T)


def test_one_grey_scale_for_a_series(tmp_path: Path) -> None:
    for n in range(2):
        place = {"ImagePositionPatient": [0, 0, n], "WindowCenter": 100 * n, "WindowWidth": 101}
        write_dicom(tmp_path / str(n), np.zeros((2, 2), np.int16), **place)
    for loaded in (LoadClinicalImage()(tmp_path, frame=0), LoadClinicalImage(spatial_dims=3)(tmp_path)):
        assert loaded.meta["stored_range"] == (-50.5, 149.5)


def test_objects_that_are_no_images_are_named(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    with pytest.raises(InputError, match=r"a\.dcm: is a structured report"):
        LoadClinicalImage()(path)


def test_16_bit_colour_keeps_its_bits(tmp_path: Path) -> None:
    """Pillow would drop the lower 8."""
    rgb = RNG.integers(0, 65536, (4, 6, 3)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(rgb))
    out = LoadClinicalImage()(tmp_path / "a.png")
    np.testing.assert_array_equal(out.numpy(), rgb.transpose(2, 1, 0))
    SaveEnhancedImage(tmp_path / "out")(out)
    written = imagecodecs.png_decode((tmp_path / "out" / "a_enhanced.png").read_bytes())
    np.testing.assert_array_equal(written, rgb)


def pipeline(out: Path) -> tuple[Compose, Compose]:
    pre = Compose([LoadClinicalImaged("image"), ScaleStoredRanged("image")])
    invert = Invertd("pred", pre, orig_keys="image", nearest_interp=False, to_tensor=True)
    return pre, Compose([invert, SaveEnhancedImaged("pred", out, "", data_root_dir="")])


def test_there_and_back_in_a_batch(tmp_path: Path) -> None:
    pixels = np.array([[0, 1000, 1100, 4095]], dtype=np.uint16)
    more = {"RescaleIntercept": -1024, "WindowCenter": 0, "WindowWidth": 401}
    paths = [
        write_dicom(tmp_path / "in" / f"1.2.{n}", pixels, RescaleSlope=slope, **more)
        for n, slope in enumerate((1, 0.5))
    ]
    pre, post = pipeline(tmp_path / "out")
    batch = list_data_collate([pre({"image": str(path)}) for path in paths])
    assert batch["image"][0].flatten().tolist() == pytest.approx([0, 176.5 / 400, 276.5 / 400, 1])
    batch["pred"] = batch["image"] + 0
    for one in decollate_batch(batch):
        post(one)
    first, second = (nib.load(tmp_path / "out" / f"1.2.{n}.nii.gz") for n in (0, 1))
    # integers are rounded, and the window's ends are where values saturate; floats are not rounded
    assert first.get_data_dtype() == np.int32 and second.get_data_dtype() == np.float32
    assert np.asarray(first.dataobj).ravel().tolist() == [-200, -24, 76, 200]
    np.testing.assert_allclose(np.asarray(second.dataobj).ravel(), [-200.5, -200.5, -200.5, 199.5], atol=1e-4)


def test_floats_with_a_range_are_scaled_and_brought_back_unrounded() -> None:
    units = torch.tensor([[[-10.25, 0.5, 100.75, 300.0]]])
    image = MetaTensor(units, meta={"stored_dtype": "float32", "stored_range": (-100.0, 100.0)})
    scale = ScaleStoredRange()
    scaled = scale(image)
    assert scaled.flatten().tolist() == pytest.approx([0.44875, 0.5025, 1, 1])
    assert scale.inverse(scaled).flatten().tolist() == pytest.approx([-10.25, 0.5, 100, 100])
    # what the user says comes first
    assert ScaleStoredRange((-20, 20))(image).flatten().tolist()[1] == pytest.approx(20.5 / 40)
    # this is no range
    image.meta["stored_range"] = (5.0, 5.0)
    with pytest.raises(InputError, match="stored_range"):
        ScaleStoredRange()(image)


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (("1.2.840.5", "1.2.840.6"), ["1.2.840.5_enhanced.nii.gz", "1.2.840.6_enhanced.nii.gz"]),
        (("IM1", "IM2.dcm"), ["IM1_enhanced.nii.gz", "IM2_enhanced.nii.gz"]),
        (("a", "a.dcm"), ["a_dicom_enhanced.nii.gz", "a_enhanced.nii.gz"]),
    ],
)
def test_names_of_results(tmp_path: Path, names: tuple, written: list) -> None:
    save = SaveEnhancedImage(tmp_path / "out")
    for path in [write_dicom(tmp_path / "in" / name, BYTES[0]) for name in names]:
        save(LoadClinicalImage()(path))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == written


def test_dicom_becomes_nifti_with_its_geometry(tmp_path: Path) -> None:
    write_series(tmp_path / "scan")
    volume = LoadClinicalImage(spatial_dims=3)(tmp_path / "scan")
    SaveEnhancedImage(tmp_path / "out")(volume)
    again = nib.load(tmp_path / "out" / "scan_enhanced.nii.gz")
    np.testing.assert_allclose(again.affine, volume.affine, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(again.dataobj), volume[0].numpy())
    cine = write_dicom(tmp_path / "c.dcm", BYTES, SOPClassUID=US_CINE)
    SaveEnhancedImage(tmp_path / "out")(LoadClinicalImage()(cine, frame=1))
    assert (tmp_path / "out" / "c_enhanced_frame-0001.nii.gz").is_file()
