# SPDX-License-Identifier: Apache-2.0
"""Whole batches degraded at once: the per-image degradations' statistics, draw by draw, whatever the neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose
from scipy import ndimage

from monai_gradprom.datasets import EpochIndex, ReplayableDataset
from monai_gradprom.transforms import (
    BatchDegradation,
    ChallengeDegradation,
    DownsampleDegradation,
    DrawDegradationd,
    get_batch_degradation,
    get_degradation,
)
from monai_gradprom.transforms.batch_degradation import DRAWN

NAMES = ["gaussian", "speckle", "challenge"]


def batch(images, sigmas, seeds):
    return {"image": images, DRAWN: {"sigma": torch.tensor(sigmas), "seed": torch.tensor(seeds)}}


def ramp(count=1, side=160):
    """Every intensity of [0, 1] in each row, [B, 1, side, side]."""
    return torch.linspace(0, 1, side).expand(count, 1, side, side).contiguous()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [0.05, 0.3])
def test_the_statistics_are_those_of_the_per_image_transform(name, sigma):
    """Mean and deviation of each eighth of the intensities, over 16 images, clamped as training clamps them."""
    images = ramp(16)
    found = get_batch_degradation(name)(batch(images, [sigma] * 16, list(range(16))))["image"]
    fixed = get_degradation(name, "image", sigma).degradation
    wanted = torch.stack([fixed(image, seed) for seed, image in enumerate(images, 100)])
    assert found.shape == images.shape and found.dtype == torch.float32
    assert found.min() >= 0 and found.max() <= 1
    for a, b in zip(found.chunk(8, dim=-1), wanted.chunk(8, dim=-1), strict=True):
        spread = float(b.std())
        # 51200 pixels an eighth; the mix's neighbours are correlated over 9 of them
        assert float(a.mean()) == pytest.approx(float(b.mean()), abs=5 * 3 * spread / 51200**0.5)
        assert float(a.std()) == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_noise_belongs_to_the_draw_and_not_to_the_batch(name):
    images, degrade = ramp(3, side=16), get_batch_degradation(name)
    whole = degrade(batch(images, [0.1, 0.2, 0.3], [5, 6, 7]))["image"]
    for i in range(3):
        alone = degrade(batch(images[i : i + 1], [0.1 * (i + 1)], [5 + i]))["image"]
        assert torch.allclose(alone[0], whole[i], rtol=0, atol=1e-6)
    assert not torch.equal(whole[0], degrade(batch(images, [0.1] * 3, [8, 6, 7]))["image"][0])
    louder = degrade(batch(images, [0.3, 0.2, 0.3], [5, 6, 7]))["image"]
    assert (louder[0] - images[0]).std() > (whole[0] - images[0]).std()


def test_each_image_has_its_own_sigma():
    """Mid-grey far from the clamp: the deviation is sigma."""
    images = torch.full((3, 2, 100, 100), 0.5)
    out = get_batch_degradation("gaussian")(batch(images, [0.01, 0.02, 0.08], [1, 2, 3]))["image"]
    assert (out - images).flatten(1).std(dim=1).tolist() == pytest.approx([0.01, 0.02, 0.08], rel=0.03)
    assert get_batch_degradation("speckle")(batch(images, [0.0] * 3, [1, 2, 3]))["image"].equal(images)


@pytest.mark.parametrize("spatial", [(9, 14), (6, 7, 8)])
def test_the_blur_is_scipys(spatial):
    """Without noise: a rate so small that counting changes next to nothing."""
    image = torch.rand(2, 3, *spatial, dtype=torch.float64)
    mix = ChallengeDegradation(sigma=0.0, rate=1e-12, kernel_size=5, blur_sigma=1.3, clip=False)
    found = BatchDegradation(mix)(batch(image, [0.0, 0.0], [1, 2]))["image"]
    axes = tuple(range(2, image.ndim))
    wanted = ndimage.gaussian_filter(image.numpy(), 1.3, mode="mirror", radius=2, axes=axes)
    assert np.abs(found.numpy() - wanted).max() < 1e-5


@pytest.mark.parametrize("mode", ["area", "bicubic"])
@pytest.mark.parametrize("spatial", [(8, 12), (4, 8, 4)])
def test_downsampling_is_the_per_image_one(mode, spatial):
    images = torch.rand(3, 2, *spatial)
    found = get_batch_degradation("downsample", scale_factor=2, downsampling=mode)(batch(images, [0.0] * 3, [0] * 3))
    wanted = torch.stack([DownsampleDegradation(2, mode)(image) for image in images])
    assert torch.allclose(found["image"], wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [*NAMES, "downsample"])
def test_the_worker_draws_what_it_would_have_used(name):
    """Sigma and seed of item and pass are those of the transform that degrades at once."""
    data = [{"image": torch.rand(1, 8, 8), "id": str(i)} for i in range(4)]
    options = {"sigma": (0.1, 0.4), "scale_factor": 2 if name == "downsample" else 1}
    made = [
        ReplayableDataset(
            data,
            Compose([get_degradation(name, "image", random=True, deferred=deferred, **options)]),
            3,
            progress=False,
        )
        for deferred in (False, True)
    ]
    for key in (EpochIndex(0, 1), EpochIndex(2, 1), EpochIndex(2, 3)):
        record = made[0][key]["image"].meta["degradation"]
        item = made[1][key]
        assert torch.equal(torch.as_tensor(item["image"]), data[key.item]["image"])
        assert item[DRAWN] == {"sigma": record.get("sigma", 0.0), "seed": record.get("seed", 0)}


def test_draws_survive_collation_and_large_seeds():
    data = ReplayableDataset(
        [{"image": torch.rand(1, 8, 8)} for _ in range(6)],
        Compose([get_degradation("gaussian", "image", (0.1, 0.4), random=True, deferred=True)]),
        seed=1,
        progress=False,
    )
    found = next(iter(DataLoader(data, batch_size=6)))
    assert found[DRAWN]["sigma"].shape == found[DRAWN]["seed"].shape == (6,)
    assert found[DRAWN]["seed"].max() > 2**31  # unsigned 32-bit numbers
    out = get_batch_degradation("gaussian")(found, torch.device("cpu"))
    assert out["image"].shape == (6, 1, 8, 8) and not torch.equal(out["image"], found["image"])


def test_what_is_degraded_already_stays_and_integers_are_refused():
    images = {"image": torch.rand(2, 1, 4, 4)}
    assert get_batch_degradation("gaussian")(images)["image"] is images["image"]
    assert get_batch_degradation("none")(batch(images["image"], [0.1] * 2, [0, 1]))["image"] is images["image"]
    with pytest.raises(ValueError, match="ScaleStoredRange"):
        get_batch_degradation("gaussian")(batch(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), [0.1], [0]))


def test_reseeding_repeats_the_draws():
    transform = get_degradation("speckle", "image", (0.1, 0.4), random=True, deferred=True)
    assert isinstance(transform, DrawDegradationd)
    draws = [transform.set_random_state(7)({"image": torch.rand(1, 2, 2)})[DRAWN] for _ in range(2)]
    assert draws[0] == draws[1]
    assert transform({"image": torch.rand(1, 2, 2)})[DRAWN] != draws[0]
