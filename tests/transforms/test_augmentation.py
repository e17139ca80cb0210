# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import RandCenterScaleCropd, paper_augmentation

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
    crop = RandCenterScaleCropd("image").set_random_state(3)
    shares = []
    for _ in range(60):
        out = crop(coordinates())["image"].numpy()
        width, height = out.shape[1:]
        shares.append(width / WIDTH)
        assert abs(width / WIDTH - height / HEIGHT) < 1.5 / HEIGHT
        assert abs(out[0].mean() - (WIDTH - 1) / 2) <= 0.5 and abs(out[1].mean() - (HEIGHT - 1) / 2) <= 0.5
    assert 0.5 <= min(shares) < 0.56 and 0.94 < max(shares) <= 1


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
