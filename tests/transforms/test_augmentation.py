# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import (
    CastToTyped,
    CenterScaleCropd,
    CenterSpatialCropd,
    Compose,
    MapTransform,
    RandFlipd,
    Randomizable,
    RandRotated,
    RandSpatialCropd,
    Resize,
    SpatialPadd,
)
from scipy.ndimage import gaussian_filter

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import augmentation, paper_augmentation
from monai_gradprom.transforms.shared_pixels import view_of

WIDTH, HEIGHT = 96, 80


def scene() -> dict:
    """A frame with a disc and a bar, and their integer mask; the image is the mask's two structures in grey."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT), indexing="ij")
    mask = np.zeros((WIDTH, HEIGHT), dtype=np.uint8)
    mask[(x - 40) ** 2 + (y - 36) ** 2 < 15**2] = 1
    mask[50:66, 46:70] = 3
    image = torch.from_numpy((mask > 0).astype(np.float32))[None]
    return {"image": MetaTensor(image), "label": MetaTensor(image.clone()), "segmentation": MetaTensor(mask[None])}


def coordinates() -> dict:
    """Two channels that say where each pixel came from."""
    grid = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT), indexing="ij")).astype(np.float32)
    return {"image": MetaTensor(torch.from_numpy(grid))}


@pytest.mark.parametrize("crop", ["scale", "patch"])
def test_images_and_masks_move_alike(crop: str) -> None:
    augment = paper_augmentation(["image", "label"], "segmentation", (64, 56), crop).set_random_state(0)
    for _ in range(12):
        out = augment(scene())
        assert torch.equal(out["image"], out["label"])
        bright, inside = out["image"][0].numpy() > 0.5, out["segmentation"][0].numpy() > 0
        assert (bright & inside).sum() / max((bright | inside).sum(), 1) > 0.94


@pytest.mark.parametrize("crop", ["scale", "patch"])
def test_size_dtype_and_classes(crop: str) -> None:
    out = paper_augmentation("image", "segmentation", 48, crop).set_random_state(1)(scene())
    assert out["image"].shape == (1, 48, 48) and out["image"].dtype == torch.float32
    assert out["segmentation"].shape == (1, 48, 48) and out["segmentation"].dtype == torch.uint8
    assert set(out["segmentation"].unique().tolist()) <= {0, 1, 3}


def jacobians(count: int) -> np.ndarray:
    """d(source)/d(result) at the centre, for ``count`` draws at native resolution."""
    augment = paper_augmentation("image", (), (WIDTH, HEIGHT), "patch").set_random_state(2)
    found = []
    for _ in range(count):
        out = augment(coordinates())["image"].numpy()
        dx = out[:, WIDTH // 2 + 1, HEIGHT // 2] - out[:, WIDTH // 2 - 1, HEIGHT // 2]
        dy = out[:, WIDTH // 2, HEIGHT // 2 + 1] - out[:, WIDTH // 2, HEIGHT // 2 - 1]
        found.append(np.stack([dx, dy], axis=1) / 2)
    return np.stack(found)


def test_flips_and_rotations_are_those_of_the_paper() -> None:
    draws = jacobians(60)
    assert np.allclose(np.abs(np.linalg.det(draws)), 1, atol=1e-3)  # nothing is stretched
    flips = np.sign(np.stack([draws[:, 0, 0], draws[:, 1, 1]], axis=1))
    assert {tuple(f) for f in flips} == {(a, b) for a in (-1, 1) for b in (-1, 1)}
    assert 15 <= (flips[:, 0] > 0).sum() <= 45 and 15 <= (flips[:, 1] > 0).sum() <= 45
    angles = np.degrees(np.arcsin(np.clip(np.abs(draws[:, 0, 1]), 0, 1)))
    assert angles.max() <= 10 + 1e-2
    assert angles.max() > 8 and angles.min() < 2


def test_the_crop_is_centred_proportional_and_between_half_and_all() -> None:
    augment = paper_augmentation("image", (), (WIDTH, HEIGHT), "scale").set_random_state(3)
    shares = []
    for _ in range(60):
        out = augment(coordinates())["image"].numpy()
        # how far the source moves per pixel of the result, along either axis
        steps = [(out[:, 56, 40] - out[:, 40, 40]) / 16, (out[:, 48, 48] - out[:, 48, 32]) / 16]
        along, across = (float(np.linalg.norm(step)) for step in steps)
        assert along == pytest.approx(across, rel=0.03)
        shares.append(along)
        middle = out[:, 47:49, 39:41].mean(axis=(1, 2))
        assert np.abs(middle - [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]).max() < 0.8
    assert 0.48 < min(shares) < 0.56 and 0.94 < max(shares) < 1.02


def test_a_patch_keeps_the_resolution_and_pads_small_frames() -> None:
    out = paper_augmentation("image", "segmentation", 128, "patch").set_random_state(0)(scene())
    assert out["image"].shape == (1, 128, 128)
    # the area of the structures, untouched but for the rotation's interpolation
    assert math.isclose(out["segmentation"].count_nonzero(), scene()["segmentation"].count_nonzero(), rel_tol=0.03)


def test_patches_come_from_all_over_the_frame() -> None:
    augment = paper_augmentation("image", (), 16, "patch").set_random_state(4)
    middles = np.array([augment(coordinates())["image"].numpy()[:, 8, 8] for _ in range(60)])
    assert np.ptp(middles[:, 0]) > 0.6 * (WIDTH - 16) and np.ptp(middles[:, 1]) > 0.6 * (HEIGHT - 16)


def test_the_random_state_decides() -> None:
    def run(seed: int) -> torch.Tensor:
        return paper_augmentation("image", (), 32).set_random_state(seed)(scene())["image"].as_tensor()

    assert torch.equal(run(5), run(5))
    assert not torch.equal(run(5), run(6))


def test_an_item_may_lack_its_mask() -> None:
    item = scene()
    del item["segmentation"]
    assert "segmentation" not in paper_augmentation("image", "segmentation", 32)(item)


def test_an_unknown_crop_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'scale'"):
        paper_augmentation("image", crop="scael")


class RandomCentre(Randomizable, MapTransform):
    """The crop at a random scale, of MONAI's parts."""

    def randomize(self) -> None:
        self.scale = self.R.uniform(0.5, 1.0)

    def __call__(self, item: dict) -> dict:
        self.randomize()
        return CenterScaleCropd(self.keys, self.scale)(item)


class Resized(MapTransform):
    def __call__(self, item: dict) -> dict:
        def one(key: str) -> torch.Tensor:
            if key == "segmentation":
                return Resize((48, 40), mode="nearest-exact")(item[key])
            sigmas = [0, *(max(n / m - 1, 0) / 2 for n, m in zip(item[key].shape[1:], (48, 40), strict=True))]
            return Resize((48, 40), mode="bilinear")(
                torch.from_numpy(gaussian_filter(item[key].numpy(), sigmas, mode="mirror"))
            )

        return {**item, **{key: one(key) for key in self.keys}}


def composition(crop: str, reach: tuple[int, int]) -> Compose:
    keys = ("image", "label", "segmentation")
    modes = ("bilinear", "bilinear", "nearest")
    turn = RandRotated(keys, math.radians(10), prob=1.0, mode=modes, padding_mode="zeros")
    if crop == "scale":
        cut = [turn, RandomCentre(keys), Resized(keys)]
    else:
        cut = [SpatialPadd(keys, reach), RandSpatialCropd(keys, reach, random_size=False), turn]
        cut.append(CenterSpatialCropd(keys, (48, 40)))
    flips = [RandFlipd(keys, prob=0.5, spatial_axis=axis) for axis in (0, 1)]
    return Compose([*flips, *cut, CastToTyped("segmentation", np.uint8)])


@pytest.mark.parametrize("size", [(96, 80), (53, 90), (30, 25)])
@pytest.mark.parametrize("crop", ["scale", "patch"])
def test_pixels_and_seeds_are_those_of_monais_transforms(crop: str, size: tuple[int, int]) -> None:
    """To the bit. 48 x 40 rotated by 10 degrees reaches 54.2 x 47.7, rounded up to even numbers."""
    random = np.random.default_rng(0)
    item = {key: MetaTensor(random.random((2, *size), np.float32)) for key in ("image", "label")}
    item["segmentation"] = MetaTensor(random.integers(0, 4, (1, *size), np.uint8))
    mine = paper_augmentation(["image", "label"], "segmentation", (48, 40), crop)
    theirs = composition(crop, (56, 48))
    for seed in range(8):
        found, expected = (each.set_random_state(seed=seed)(item) for each in (mine, theirs))
        for key in item:
            assert torch.equal(found[key].as_tensor(), torch.as_tensor(expected[key].numpy())), key


@pytest.mark.parametrize("crop", ["scale", "patch"])
def test_an_image_that_is_its_own_target_is_moved_once(crop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled = []
    original = augmentation.rotated
    monkeypatch.setattr(augmentation, "rotated", lambda img, *more: sampled.append(1) or original(img, *more))
    item = scene()
    item["label"] = view_of(item["image"])
    out = paper_augmentation(["image", "label"], "segmentation", 32, crop)(item)
    assert len(sampled) == 2
    assert torch.equal(out["image"], out["label"]) and out["image"].meta is not out["label"].meta


def test_metadata_stay() -> None:
    item = {"image": MetaTensor(torch.rand(1, 40, 30), meta={"filename_or_obj": "a.png"}, affine=2 * torch.eye(4))}
    out = paper_augmentation("image", image_size=16)(item)["image"]
    assert out.meta["filename_or_obj"] == "a.png" and torch.equal(out.affine, item["image"].affine)
    assert not out.applied_operations


def test_images_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="of the sizes"):
        paper_augmentation(["image", "label"])({"image": torch.rand(1, 9, 8), "label": torch.rand(1, 8, 9)})


def test_without_any_image_nothing_happens() -> None:
    assert paper_augmentation("image")({"id": "a"}) == {"id": "a"}
