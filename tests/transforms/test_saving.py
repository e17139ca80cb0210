# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from unittest import mock

import itk
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, Invertd, SaveImaged
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import (
    CropToMultipled,
    DownsampleDegradationd,
    LoadClinicalImage,
    LoadClinicalImaged,
    SaveEnhancedImage,
    SaveEnhancedImaged,
    ScaleStoredRanged,
)

AFFINE = np.array([[0.3, 0, 0, 5], [0, 0.2, 0, -7], [0, 0, 1, 2], [0, 0, 0, 1.0]])
RNG = np.random.default_rng(0)


def source(folder: Path, name: str, dtype: str, shape: tuple = (9, 7)) -> Path:
    """An image file written by the format's own library."""
    array = (RNG.random(shape) * 200).astype(dtype)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if ".nii" in name:
        image = nib.Nifti1Image(array, AFFINE)
        image.header.set_xyzt_units("mm", "sec")
        image.header["descrip"] = b"kept"
        nib.save(image, path)
    elif name.endswith((".mhd", ".mha")):
        image = itk.image_from_array(np.ascontiguousarray(array.T))
        image.SetSpacing([0.3, 0.2, 1.5][: array.ndim])
        image.SetOrigin([3.0, 4.0, 5.0][: array.ndim])
        itk.imwrite(image, str(path))
    elif dtype in ("int16", "float32"):
        itk.imwrite(itk.image_from_array(array), str(path))
    else:
        Image.fromarray(array).save(path)
    return path


CASES = [
    ("a.nii.gz", "uint8", (9, 7), "a_enhanced.nii.gz"),
    ("a.nii", "int16", (9, 7), "a_enhanced.nii"),
    ("a.nii.gz", "uint16", (9, 7), "a_enhanced.nii.gz"),
    ("a.nii.gz", "float64", (9, 7), "a_enhanced.nii.gz"),
    ("a.nii", "uint8", (9, 7, 1), "a_enhanced.nii"),
    ("a.mhd", "uint8", (9, 7), "a_enhanced.mhd"),
    ("a.mhd", "uint16", (9, 7, 1), "a_enhanced.mhd"),
    ("a.mha", "int16", (9, 7, 1), "a_enhanced.mha"),
    ("a.png", "uint8", (9, 7), "a_enhanced.png"),
    ("a.png", "uint16", (9, 7), "a_enhanced.png"),
    ("a.png", "uint8", (9, 7, 3), "a_enhanced.png"),
    ("a.tif", "uint8", (9, 7), "a_enhanced.tif"),
    ("a.tiff", "int16", (9, 7), "a_enhanced.tiff"),
    ("a.tif", "float32", (9, 7), "a_enhanced.tif"),
    ("a.jpg", "uint8", (9, 7), "a_enhanced.png"),
    ("a.bmp", "uint8", (9, 7), "a_enhanced.png"),
]


@pytest.mark.parametrize(("name", "dtype", "shape", "expected"), CASES)
def test_what_is_written_reads_back_as_its_source(
    tmp_path: Path, name: str, dtype: str, shape: tuple, expected: str
) -> None:
    image = LoadClinicalImage()(source(tmp_path / "in", name, dtype, shape))
    SaveEnhancedImage(tmp_path / "out")(image)
    written = tmp_path / "out" / expected
    assert image.meta["saved_to"] == str(written)
    again = LoadClinicalImage()(written)
    np.testing.assert_array_equal(again.numpy(), image.numpy())
    assert again.meta["stored_dtype"] == dtype and again.meta["stored_ndim"] == image.meta["stored_ndim"]
    np.testing.assert_allclose(again.affine, image.affine, atol=1e-6)


def test_a_nifti_keeps_its_header(tmp_path: Path) -> None:
    path = source(tmp_path / "in", "a.nii.gz", "uint8")
    SaveEnhancedImage(tmp_path / "out")(LoadClinicalImage()(path))
    before, after = nib.load(path), nib.load(tmp_path / "out" / "a_enhanced.nii.gz")
    assert after.header.get_xyzt_units() == before.header.get_xyzt_units() == ("mm", "sec")
    assert after.header["descrip"] == before.header["descrip"]
    assert after.shape == before.shape and after.header.get_zooms() == before.header.get_zooms()


def test_a_scaled_nifti_is_written_with_its_true_values(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.linspace(-3, 3, 63).reshape(9, 7), AFFINE)
    image.set_data_dtype(np.int16)  # nibabel stores integers with a slope
    nib.save(image, tmp_path / "a.nii.gz")
    loaded = LoadClinicalImage()(tmp_path / "a.nii.gz")
    SaveEnhancedImage(tmp_path / "out")(loaded)
    again = nib.load(tmp_path / "out" / "a_enhanced.nii.gz")
    np.testing.assert_array_equal(again.get_fdata(), loaded[0].numpy())


def test_spacing_and_origin_of_a_metaimage_as_itk_reads_them(tmp_path: Path) -> None:
    path = source(tmp_path / "in", "a.mhd", "uint8", (9, 7, 1))
    SaveEnhancedImage(tmp_path / "out", "")(LoadClinicalImage()(path))
    before, after = itk.imread(str(path)), itk.imread(str(tmp_path / "out" / "a.mhd"))
    assert tuple(after.GetSpacing()) == tuple(before.GetSpacing())
    assert tuple(after.GetOrigin()) == tuple(before.GetOrigin())
    assert itk.size(after) == itk.size(before)
    assert (itk.array_from_matrix(after.GetDirection()) == itk.array_from_matrix(before.GetDirection())).all()


def test_folders_are_mirrored(tmp_path: Path) -> None:
    image = LoadClinicalImage()(source(tmp_path / "in", "p1/deep/a.png", "uint8"))
    SaveEnhancedImage(tmp_path / "out", data_root_dir=tmp_path / "in")(image)
    assert (tmp_path / "out" / "p1" / "deep" / "a_enhanced.png").is_file()


def test_an_image_from_elsewhere_stays_inside_the_output_folder(tmp_path: Path) -> None:
    image = LoadClinicalImage()(source(tmp_path / "elsewhere" / "far", "a.png", "uint8"))
    SaveEnhancedImage(tmp_path / "deep" / "out", data_root_dir=tmp_path / "deep" / "in")(image)
    assert (tmp_path / "deep" / "out" / "a_enhanced.png").is_file()


def test_frames_get_names_of_their_own(tmp_path: Path) -> None:
    path = source(tmp_path / "in", "beat.nii.gz", "uint8", (9, 7, 3))
    save = SaveEnhancedImage(tmp_path / "out")
    for frame in range(3):
        save(LoadClinicalImage()(path, frame=frame))
    for frame in range(3):
        again = nib.load(tmp_path / "out" / f"beat_enhanced_frame-000{frame}.nii.gz")
        np.testing.assert_array_equal(again.get_fdata(), nib.load(path).get_fdata()[..., frame])


def test_two_pictures_of_one_stem_do_not_replace_each_other(tmp_path: Path) -> None:
    save = SaveEnhancedImage(tmp_path / "out")
    images = [source(tmp_path / "in", name, "uint8") for name in ("a.jpg", "a.png", "a.bmp")]
    for path in images:
        save(LoadClinicalImage()(path))
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["a_bmp_enhanced.png", "a_enhanced.png", "a_jpg_enhanced.png"]


def test_one_name_in_two_folders_is_refused_without_a_root(tmp_path: Path) -> None:
    save = SaveEnhancedImage(tmp_path / "out")
    save(LoadClinicalImage()(source(tmp_path / "in", "p1/a.png", "uint8")))
    with pytest.raises(InputError, match="data_root_dir"):
        save(LoadClinicalImage()(source(tmp_path / "in", "p2/a.png", "uint8")))


def test_the_source_is_never_replaced(tmp_path: Path) -> None:
    path = source(tmp_path, "a.nii.gz", "uint8")
    before = path.read_bytes()
    with pytest.raises(InputError, match="output_dir or output_postfix"):
        SaveEnhancedImage(tmp_path, output_postfix="")(LoadClinicalImage()(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a.mhd", "a.nii.gz"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, name: str) -> None:
    image = LoadClinicalImage()(source(tmp_path / "in", name, "uint8"))
    SaveEnhancedImage(tmp_path / "out")(image)
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}

    def fail(path: Path, *_: object) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with (
        mock.patch("monai_gradprom.transforms.saving.write_image", fail),
        pytest.raises(OSError, match="disk full"),
    ):
        SaveEnhancedImage(tmp_path / "out")(image)
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before


def test_scaled_values_are_refused_for_an_integer_file(tmp_path: Path) -> None:
    image = LoadClinicalImage()(source(tmp_path, "a.png", "uint8"))
    with pytest.raises(ValueError, match="Invertd"):
        SaveEnhancedImage(tmp_path / "out")(image / 255)


def test_an_image_of_unknown_origin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Invertd"):
        SaveEnhancedImage(tmp_path)(MetaTensor(torch.zeros(1, 2, 2)))


def test_a_whole_pipeline_writes_what_the_network_made(tmp_path: Path) -> None:
    paths = [source(tmp_path / "in", f"p{i}/a.nii.gz", "uint8") for i in range(2)]
    pre = Compose([LoadClinicalImaged("image"), ScaleStoredRanged("image")])
    post = Compose(
        [
            Invertd("pred", pre, orig_keys="image", nearest_interp=False, to_tensor=True),
            SaveEnhancedImaged("pred", tmp_path / "out", "dark", data_root_dir=str(tmp_path / "in")),
        ]
    )
    batch = list_data_collate([pre({"image": str(p)}) for p in paths])
    batch["pred"] = batch["image"] / 3
    for item in decollate_batch(batch):
        post(item)
    for i, path in enumerate(paths):
        before, after = nib.load(path), nib.load(tmp_path / "out" / f"p{i}" / "a_dark.nii.gz")
        assert after.get_data_dtype() == np.uint8
        np.testing.assert_array_equal(after.get_fdata(), np.round(before.get_fdata() / 3))


def corners(affine: np.ndarray, size: tuple) -> np.ndarray:
    """Where the corners of the field of view lie: half a pixel beyond the centres of the outermost pixels."""
    spots = np.array([[x, y, 0, 1] for x in (-0.5, size[0] - 0.5) for y in (-0.5, size[1] - 0.5)])
    return (np.asarray(affine) @ spots.T)[:3]


COS, SIN = np.cos(0.5), np.sin(0.5)
ROTATED = np.array([[0.3 * COS, -0.2 * SIN, 0, 5], [0.3 * SIN, 0.2 * COS, 0, -7], [0, 0, 1, 2], [0, 0, 0, 1.0]])


def super_resolve(path: Path, out: Path, factor: int, shrink: int = 1) -> None:
    """What the inference configuration of a bundle does, with repeated pixels as the network."""
    pre = Compose([LoadClinicalImaged("image"), ScaleStoredRanged("image")])
    post = Compose(
        [
            Invertd("pred", pre, orig_keys="image", nearest_interp=False, to_tensor=True),
            SaveEnhancedImaged("pred", out, ""),
        ]
    )
    item = pre({"image": str(path)})
    if shrink > 1:
        item = DownsampleDegradationd("image", shrink)(CropToMultipled("image", shrink)(item))
    batch = list_data_collate([item])
    with torch.no_grad():
        batch["pred"] = torch.nn.functional.interpolate(batch["image"], scale_factor=factor)
    for item in decollate_batch(batch):
        post(item)


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("codes", [(1, 4), (2, 0), (0, 1), (0, 0)])
def test_a_finer_nifti_covers_the_same_field_of_view(tmp_path: Path, factor: int, codes: tuple) -> None:
    image = nib.Nifti1Image((RNG.random((9, 7)) * 200).astype(np.uint8), ROTATED)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(ROTATED, codes[0])
    image.set_qform(ROTATED, codes[1])
    nib.save(image, tmp_path / "a.nii.gz")
    super_resolve(tmp_path / "a.nii.gz", tmp_path / "out", factor)
    before, after = nib.load(tmp_path / "a.nii.gz"), nib.load(tmp_path / "out" / "a.nii.gz")
    assert after.shape == (9 * factor, 7 * factor) and after.get_data_dtype() == np.uint8
    np.testing.assert_allclose(corners(after.affine, after.shape), corners(before.affine, (9, 7)), atol=1e-5)
    zooms = [zoom / factor for zoom in before.header.get_zooms()]
    np.testing.assert_allclose(after.header.get_zooms(), zooms, rtol=1e-6)
    assert after.header.get_xyzt_units() == ("mm", "sec")
    for form, code in zip(("sform", "qform"), codes, strict=True):
        if any(codes):
            assert int(after.header[f"{form}_code"]) == code
        if code:
            np.testing.assert_allclose(getattr(after.header, f"get_{form}")(), after.affine, atol=1e-6)
    blocks = after.get_fdata().reshape(9, factor, 7, factor)
    assert (blocks == before.get_fdata()[:, None, :, None]).all()


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1)])
def test_a_finer_metaimage_covers_the_same_field_of_view(tmp_path: Path, shape: tuple) -> None:
    path = source(tmp_path, "a.mhd", "uint8", shape)
    super_resolve(path, tmp_path / "out", 2)
    before, after = itk.imread(str(path)), itk.imread(str(tmp_path / "out" / "a.mhd"))
    assert tuple(itk.size(after)) == (18, 14, *shape[2:])
    np.testing.assert_allclose(tuple(after.GetSpacing()), [0.15, 0.1, *tuple(before.GetSpacing())[2:]])
    for old, new in ((-0.5, (-0.5, -0.5)), ((8.5, 6.5), (17.5, 13.5))):
        place = [
            np.array(tuple(image.GetOrigin())[:2]) + np.array(tuple(image.GetSpacing())[:2]) * index
            for image, index in ((before, old), (after, new))
        ]
        np.testing.assert_allclose(*place, atol=1e-9)
    assert (itk.array_from_matrix(after.GetDirection()) == itk.array_from_matrix(before.GetDirection())).all()


def test_a_finer_tiff_has_the_finer_resolution(tmp_path: Path) -> None:
    Image.fromarray((RNG.random((7, 9)) * 200).astype("uint8")).save(tmp_path / "a.tif", dpi=(300, 150))
    for factor in (1, 2):
        super_resolve(tmp_path / "a.tif", tmp_path / f"out{factor}", factor)
        image = Image.open(tmp_path / f"out{factor}" / "a.tif")
        assert image.size == (9 * factor, 7 * factor)
        assert image.info["dpi"] == pytest.approx((300 * factor, 150 * factor), rel=1e-4)


def test_a_finer_png_claims_no_resolution(tmp_path: Path) -> None:
    Image.fromarray((RNG.random((7, 9, 3)) * 200).astype("uint8")).save(tmp_path / "a.png")
    super_resolve(tmp_path / "a.png", tmp_path / "out", 2)
    image = Image.open(tmp_path / "out" / "a.png")
    assert image.size == (18, 14) and image.mode == "RGB" and "dpi" not in image.info


@pytest.mark.parametrize(("size", "shrink"), [((24, 20), 2), ((25, 23), 2), ((43, 39), 4)])
def test_what_was_shrunk_and_super_resolved_lies_where_it_was(tmp_path: Path, size: tuple, shrink: int) -> None:
    nib.save(nib.Nifti1Image((RNG.random(size) * 200).astype(np.uint8), ROTATED), tmp_path / "a.nii.gz")
    super_resolve(tmp_path / "a.nii.gz", tmp_path / "out", shrink, shrink)
    after = nib.load(tmp_path / "out" / "a.nii.gz")
    assert after.shape == tuple(side - side % shrink for side in size)
    cropped = CropToMultipled("image", shrink)(LoadClinicalImaged("image")({"image": tmp_path / "a.nii.gz"}))["image"]
    np.testing.assert_allclose(after.affine, cropped.affine, atol=1e-5)


def test_a_cropped_image_is_not_taken_for_a_finer_one(tmp_path: Path) -> None:
    image = LoadClinicalImage()(source(tmp_path, "a.nii.gz", "uint8", (40, 30)))
    SaveEnhancedImage(tmp_path / "out")(image[:, :20, :30])
    SaveEnhancedImage(tmp_path / "wider")(torch.cat([image, image[:, :20]], dim=1))
    for folder in ("out", "wider"):
        np.testing.assert_allclose(nib.load(tmp_path / folder / "a_enhanced.nii.gz").affine, AFFINE, atol=1e-6)


def test_a_finer_volume(tmp_path: Path) -> None:
    image = LoadClinicalImage(spatial_dims=3)(source(tmp_path, "a.nii.gz", "uint8", (6, 5, 4)))
    fine = image.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    SaveEnhancedImage(tmp_path / "out")(fine)
    after = nib.load(tmp_path / "out" / "a_enhanced.nii.gz")
    for corner, finer in (((-0.5,) * 3, (-0.5,) * 3), ((5.5, 4.5, 3.5), (11.5, 9.5, 7.5))):
        np.testing.assert_allclose(after.affine @ [*finer, 1], AFFINE @ [*corner, 1], atol=1e-6)


def test_values_beyond_the_stored_range_saturate_and_the_rest_is_rounded(tmp_path: Path) -> None:
    image = source(tmp_path / "in", "a.png", "uint8", (4, 4))
    pre = Compose([LoadClinicalImaged("image"), ScaleStoredRanged("image")])
    item = pre({"image": str(image)})
    item["pred"] = MetaTensor(torch.tensor([-0.1, 1.2, 100.4 / 255, 99.6 / 255]).repeat(4, 1)[None])
    SaveEnhancedImaged("pred", tmp_path / "out")(Invertd("pred", pre, orig_keys="image", nearest_interp=False)(item))
    written = np.asarray(Image.open(tmp_path / "out" / "a_enhanced.png"))
    assert written.T.tolist() == [[0, 255, 100, 100]] * 4  # alike everywhere: no dithering


def test_monai_label_leaves_it_out() -> None:
    """Version 0.8.5 (tasks/infer/bundle.py) drops every postprocessing transform that is a SaveImaged."""
    assert issubclass(SaveEnhancedImaged, SaveImaged)
