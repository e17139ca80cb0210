# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import logging
from pathlib import Path
from unittest import mock

import itk
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import NibabelReader, list_data_collate
from monai.transforms import EnsureChannelFirst, LoadImage, LoadImaged
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import LoadClinicalImage, LoadClinicalImaged

AFFINE = np.array([[0.3, 0, 0, 5], [0, 0.2, 0, -7], [0, 0, 1, 2], [0, 0, 0, 1.0]])


def values(dtype: type | str, shape: tuple = (9, 7)) -> np.ndarray:
    kind = np.dtype(dtype).kind
    rng = np.random.default_rng(0)
    if kind == "f":
        return rng.random(shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, int(info.max) + 1, shape).astype(dtype)


def nifti(path: Path, array: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(array, AFFINE), path)
    return path


def metaimage(path: Path, array: np.ndarray, spacing: list[float]) -> Path:
    image = itk.image_from_array(np.ascontiguousarray(array.T))
    image.SetSpacing(spacing)
    itk.imwrite(image, str(path))
    return path


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64", ">i2"])
def test_nifti_keeps_values_dtype_and_affine(tmp_path: Path, dtype: str) -> None:
    array = values(dtype)
    out = LoadClinicalImage()(nifti(tmp_path / "a.nii.gz", array))
    np.testing.assert_array_equal(out.numpy(), array[None])
    name = np.dtype(dtype).name
    assert out.meta["stored_dtype"] == name
    assert out.numpy().dtype == ("int32" if name == "uint16" else name)  # PyTorch cannot compute with uint16
    np.testing.assert_allclose(out.affine, AFFINE, atol=1e-6)
    np.testing.assert_allclose(out.meta["original_affine"], AFFINE, atol=1e-6)
    assert out.meta["filename_or_obj"] == str(tmp_path / "a.nii.gz")
    assert list(out.meta["spatial_shape"]) == [9, 7]


def test_camus_mhd_with_a_single_slice(tmp_path: Path) -> None:
    array = values("uint8", (9, 7, 1))
    out = LoadClinicalImage()(metaimage(tmp_path / "a.mhd", array, [0.3, 0.2, 1.0]))
    np.testing.assert_array_equal(out.numpy(), array[None, :, :, 0])
    assert out.dtype == torch.uint8 and out.meta["stored_ndim"] == 3
    np.testing.assert_allclose(np.abs(np.diag(out.affine)), [0.3, 0.2, 1, 1])


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_pictures_come_in_the_order_of_monai(tmp_path: Path, suffix: str) -> None:
    array = values("uint8", (7, 9))
    Image.fromarray(array).save(tmp_path / f"a{suffix}")
    out = LoadClinicalImage()(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(out.numpy(), array.T[None])
    assert out.meta["stored_dtype"] == "uint8"


def test_a_16_bit_png_keeps_its_16_bits(tmp_path: Path) -> None:
    array = values("uint16", (7, 9))
    Image.fromarray(array).save(tmp_path / "a.png")
    out = LoadClinicalImage()(tmp_path / "a.png")
    np.testing.assert_array_equal(out.numpy(), array.T[None])
    assert out.meta["stored_dtype"] == "uint16"


def test_a_palette_png_shows_colours_not_indices(tmp_path: Path) -> None:
    picture = Image.fromarray(values("uint8", (7, 9, 3))).quantize(16)
    picture.save(tmp_path / "a.png")
    out = LoadClinicalImage()(tmp_path / "a.png")
    np.testing.assert_array_equal(out.numpy(), np.asarray(picture.convert("RGB")).transpose(2, 1, 0))


def test_a_jpeg_loads(tmp_path: Path) -> None:
    Image.fromarray(np.full((7, 9), 90, dtype=np.uint8)).save(tmp_path / "a.jpg")
    assert (LoadClinicalImage()(tmp_path / "a.jpg") == 90).all()


@pytest.mark.parametrize("suffix", [".nii.gz", ".mhd"])
def test_frames_of_a_sequence(tmp_path: Path, suffix: str) -> None:
    array = values("uint8", (9, 7, 4))
    path = tmp_path / f"beat{suffix}"
    _ = nifti(path, array) if suffix == ".nii.gz" else metaimage(path, array, [0.3, 0.2, 1.0])
    for frame in (0, 3):
        out = LoadClinicalImage()(path, frame=frame)
        np.testing.assert_array_equal(out.numpy(), array[None, :, :, frame])
        assert out.meta["frame"] == frame and list(out.meta["spatial_shape"]) == [9, 7]
    with pytest.raises(InputError, match=r"4 frames.*`frame`"):
        LoadClinicalImage()(path)


def test_a_fourth_nifti_axis_is_time_not_channels(tmp_path: Path) -> None:
    array = values("uint8", (9, 7, 1, 4))
    out = LoadClinicalImage()(nifti(tmp_path / "a.nii", array), frame=2)
    np.testing.assert_array_equal(out.numpy(), array[None, :, :, 0, 2])


def test_volumes_on_demand(tmp_path: Path) -> None:
    array = values("int16", (9, 7, 4))
    out = LoadClinicalImage(spatial_dims=3)(nifti(tmp_path / "a.nii.gz", array))
    np.testing.assert_array_equal(out.numpy(), array[None])


@pytest.mark.parametrize("name", ["a.nii_export.png", "2020.02.10.20021584-p6-52%12.png", "a.png.png", "A.PNG"])
def test_the_end_of_the_name_chooses_the_reader(tmp_path: Path, name: str) -> None:
    Image.fromarray(values("uint8", (7, 9))).save(tmp_path / name, format="PNG")
    assert LoadClinicalImage()(tmp_path / name).shape == (1, 9, 7)


def test_a_picture_in_the_name_of_a_nifti(tmp_path: Path) -> None:
    assert LoadClinicalImage()(nifti(tmp_path / "a.png.nii.gz", values("uint8"))).shape == (1, 9, 7)


def broken(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / kind
    if kind == "truncated.nii.gz" or kind == "cut.nii":
        nifti(path, values("uint8", (99, 97)))
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "truncated.png":
        Image.fromarray(values("uint8", (99, 97))).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "headless.mhd":
        metaimage(path, values("uint8"), [1.0, 1.0])
        path.with_suffix(".raw").unlink()
    elif kind == "empty.nii.gz":
        path.write_bytes(gzip.compress(b""))
    elif kind == "complex.nii":
        nib.save(nib.Nifti1Image(np.zeros((4, 4), dtype=np.complex64), AFFINE), path)
    elif kind != "missing.png":
        path.write_text("no image at all")
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "missing.png", "truncated.nii.gz", "cut.nii", "truncated.png", "headless.mhd", "empty.nii.gz", "text.png",
        "text.nii", "text.mhd", "notes.txt", "complex.nii",
    ],
)  # fmt: skip
def test_every_failure_is_one_sentence_that_names_the_file(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        LoadClinicalImage()(broken(tmp_path, kind))
    message = str(caught.value)
    assert message.startswith(str(tmp_path / kind)) and "\n" not in message and message.endswith(".")


def test_grey_from_colour_through_the_dictionary(tmp_path: Path) -> None:
    array = values("uint8", (7, 9))
    Image.fromarray(np.stack([array] * 3, axis=-1)).save(tmp_path / "a.png")
    out = LoadClinicalImaged("image", channels=1)({"image": str(tmp_path / "a.png")})["image"]
    np.testing.assert_array_equal(out.numpy(), array.T[None])


def test_one_file_under_two_keys_is_read_and_kept_once(tmp_path: Path) -> None:
    """A cache of images that are their own clean targets is half as large."""
    path = str(nifti(tmp_path / "a.nii.gz", values("uint8")))
    with mock.patch.object(NibabelReader, "read", autospec=True, side_effect=NibabelReader.read) as read:
        out = LoadClinicalImaged(["image", "label"])({"image": path, "label": path})
    assert read.call_count == 1
    assert out["image"].data_ptr() == out["label"].data_ptr()
    out["image"].meta["mark"] = 1
    assert "mark" not in out["label"].meta and "affine" in out["label"].meta


def test_the_frame_serves_all_keys(tmp_path: Path) -> None:
    beat, mask = values("uint8", (9, 7, 4)), values("int16", (9, 7, 4))
    item = {"image": nifti(tmp_path / "a.nii", beat), "segmentation": nifti(tmp_path / "b.nii", mask), "frame": 2}
    out = LoadClinicalImaged(["image", "segmentation"])(item)
    np.testing.assert_array_equal(out["image"][0].numpy(), beat[..., 2])
    np.testing.assert_array_equal(out["segmentation"][0].numpy(), mask[..., 2])


def test_a_missing_key(tmp_path: Path) -> None:
    item = {"image": nifti(tmp_path / "a.nii", values("uint8"))}
    assert "segmentation" not in LoadClinicalImaged(["image", "segmentation"], allow_missing_keys=True)(item)
    with pytest.raises(KeyError):
        LoadClinicalImaged(["image", "segmentation"])(item)


def test_formats_mix_in_a_batch(tmp_path: Path) -> None:
    array = values("uint8")
    Image.fromarray(array.T).save(tmp_path / "b.png")
    paths = [nifti(tmp_path / "a.nii", array), tmp_path / "b.png", metaimage(tmp_path / "c.mhd", array, [0.3, 0.2])]
    batch = list_data_collate([LoadClinicalImaged("image")({"image": p}) for p in paths])
    assert batch["image"].shape == (3, 1, 9, 7)
    assert list(batch["image"].meta["stored_dtype"]) == ["uint8"] * 3


def test_a_channel_transform_after_it_does_nothing(tmp_path: Path) -> None:
    out = LoadClinicalImage()(nifti(tmp_path / "a.nii", values("uint8")))
    assert EnsureChannelFirst()(out).shape == out.shape


def test_monai_label_can_wrap_it(tmp_path: Path) -> None:
    """What monailabel 0.8.5 (tasks/infer/bundle.py) does to every LoadImaged of a bundle."""
    transform = LoadClinicalImaged("image")
    assert isinstance(transform, LoadImaged) and isinstance(transform._loader, LoadImage)
    transform._loader.image_only = False
    out = transform({"image": str(nifti(tmp_path / "a.nii", values("uint8")))})
    assert out["image"].shape == (1, 9, 7)
    np.testing.assert_allclose(out["image_meta_dict"]["affine"], AFFINE, atol=1e-6)


def test_nobody_hears_of_decoders_that_nobody_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        LoadClinicalImaged("image")
    assert not caplog.records
