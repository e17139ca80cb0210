# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Resize
from skimage.transform import resize

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import ResizeLongSide, ResizeLongSided, ScaleStoredRanged
from monai_gradprom.transforms.resizing import resize_smoothly


def texture(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(0).random((3, width, height)).astype(np.float32)


@pytest.mark.parametrize(("size", "expected"), [((120, 80), (48, 32)), ((77, 131), (28, 48)), ((96, 96), (48, 48))])
def test_the_longer_side_fits_and_the_aspect_stays(size: tuple[int, int], expected: tuple[int, int]) -> None:
    out = ResizeLongSide(48)(torch.from_numpy(texture(*size)))
    assert out.shape == (3, *expected) and out.dtype == torch.float32


@pytest.mark.parametrize("size", [(48, 30), (20, 40), (3, 5)])
def test_nothing_is_ever_enlarged(size: tuple[int, int]) -> None:
    image = MetaTensor(torch.from_numpy(texture(*size)))
    out = ResizeLongSide(48)(image)
    assert torch.equal(out, image) and torch.equal(out.affine, image.affine)
    assert out.applied_operations and not image.applied_operations


def test_none_is_the_identity() -> None:
    item = {"image": MetaTensor(torch.rand(1, 500, 300))}
    out = ResizeLongSided("image", "segmentation", None)(item)
    assert out["image"] is item["image"] and not out["image"].applied_operations


@pytest.mark.parametrize("size", [(120, 80), (108, 162)])
def test_the_filter_is_scikit_images(size: tuple[int, int]) -> None:
    image = texture(*size)
    out = ResizeLongSide(48)(torch.from_numpy(image)).numpy()
    theirs = resize(image, out.shape, order=1, mode="reflect", anti_aliasing=True)
    np.testing.assert_allclose(out[:, 1:-1, 1:-1], theirs[:, 1:-1, 1:-1], atol=1e-5)
    aliased = resize(image, out.shape, order=1, anti_aliasing=False)
    assert np.abs(out - aliased).mean() > 0.01


def test_the_border_is_not_darkened() -> None:
    assert torch.allclose(ResizeLongSide(20)(torch.ones(1, 130, 90)), torch.ones(1, 20, 14))
    assert Resize(20, size_mode="longest", mode="bilinear", anti_aliasing=True)(torch.ones(1, 130, 90)).min() < 0.9


def test_masks_keep_values_and_dtype_and_lie_on_the_image() -> None:
    x, y = np.meshgrid(np.arange(160), np.arange(120), indexing="ij")
    mask = np.where((x - 70) ** 2 + (y - 50) ** 2 < 40**2, 5, 0).astype(np.uint8)[None]
    item = {"image": torch.from_numpy((mask > 0).astype(np.float32)), "segmentation": MetaTensor(mask)}
    out = ResizeLongSided("image", "segmentation", 64)(item)
    assert out["segmentation"].dtype == torch.uint8 and out["segmentation"].unique().tolist() == [0, 5]
    bright, inside = out["image"].numpy() > 0.5, out["segmentation"].numpy() > 0
    assert (bright & inside).sum() / (bright | inside).sum() > 0.97
    centre = [float(grid[inside[0]].mean()) for grid in np.meshgrid(np.arange(64), np.arange(48), indexing="ij")]
    np.testing.assert_allclose(centre, [(70 + 0.5) * 0.4 - 0.5, (50 + 0.5) * 0.4 - 0.5], atol=0.15)


def test_the_affine_is_monais() -> None:
    affine = torch.diag(torch.tensor([0.3, 0.2, 1, 1], dtype=torch.float64))
    image = MetaTensor(torch.rand(1, 100, 60), affine=affine)
    out = ResizeLongSide(50)(image)
    torch.testing.assert_close(out.affine, Resize((50, 30))(image).affine)
    assert torch.equal(image.affine, affine) and not image.applied_operations


@pytest.mark.parametrize("size", [(100, 60), (40, 30)])
def test_invertd_brings_the_stored_size_and_range_back(size: tuple[int, int]) -> None:
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]), indexing="ij")
    stored = MetaTensor((255 * (0.2 + 0.3 * x + 0.4 * y)).round().astype(np.uint8)[None])
    before = Compose([ScaleStoredRanged("image"), ResizeLongSided(["image", "label"], "segmentation", 50)])
    item = before({"image": stored, "segmentation": MetaTensor(torch.ones(1, *size, dtype=torch.uint8))})
    item["pred"] = item["image"].clone()
    back = Invertd("pred", before, orig_keys="image", nearest_interp=False)(item)["pred"]
    assert back.shape == stored.shape and back.dtype == torch.uint8
    assert (back.int() - stored.int()).abs().max() <= (3 if size[0] > 50 else 0)
    torch.testing.assert_close(back.affine, stored.affine)


def test_missing_keys_pass_unless_forbidden() -> None:
    item = {"image": torch.rand(1, 20, 10)}
    assert set(ResizeLongSided(["image", "label"], "segmentation", 16)(item)) == {"image"}
    with pytest.raises(KeyError):
        ResizeLongSided(["image", "label"], "segmentation", 16, allow_missing_keys=False)(item)


def test_a_volume_is_resized_along_all_axes() -> None:
    assert ResizeLongSide(16)(torch.rand(1, 32, 24, 8)).shape == (1, 16, 12, 4)


@pytest.mark.parametrize("side", [0, -5, 2.5, "512"])
def test_an_unusable_side_is_refused(side: object) -> None:
    with pytest.raises(InputError, match="long_side"):
        ResizeLongSided("image", (), side)


def test_whole_numbers_are_rounded_not_cut_off():
    """An 8-bit image resized is the float image resized, rounded."""
    img = torch.from_numpy(np.random.default_rng(3).integers(0, 256, (3, 90, 60), np.uint8))
    exact = ResizeLongSide(40)(img.double().float())
    found = ResizeLongSide(40)(img)
    assert found.dtype == torch.uint8
    torch.testing.assert_close(found.float(), exact.round())


def test_a_white_image_stays_white_to_the_border():
    """MONAI's anti_aliasing pads with black; see resize_smoothly."""
    torch.testing.assert_close(resize_smoothly(torch.ones(1, 64, 80), (32, 32)), torch.ones(1, 32, 32))
    torch.testing.assert_close(resize_smoothly(torch.ones(1, 20, 24, 9), (10, 8, 12)), torch.ones(1, 10, 8, 12))


def test_a_mask_is_neither_filtered_nor_interpolated():
    mask = torch.randint(4, (1, 64, 80)).float()
    found = resize_smoothly(mask, (32, 40), mask=True)
    assert found.shape == (1, 32, 40) and torch.equal(found, mask[:, 1::2, 1::2])


def test_each_axis_is_filtered_by_its_own_factor():
    img = np.random.default_rng(4).random((1, 96, 40)).astype(np.float32)
    found = resize_smoothly(torch.from_numpy(img), (32, 40))
    expected = resize(img[0], (32, 40), order=1, anti_aliasing=True, mode="reflect")
    np.testing.assert_allclose(found[0, 2:-2], expected[2:-2], atol=1e-5)
