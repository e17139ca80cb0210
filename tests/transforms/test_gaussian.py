# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import stats

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import GaussianDegradation, RandGaussianDegradation

GREY = torch.full((1, 256, 200), 0.5)


def noise_of(seed: int, sigma: float = 0.1) -> np.ndarray:
    return (GaussianDegradation(sigma, clip=False)(GREY, seed) - GREY).numpy().astype(np.float64)


def test_mean_and_standard_deviation_are_as_asked() -> None:
    noise = noise_of(1, 0.1).ravel()
    n = noise.size
    assert abs(noise.mean()) < 4 * 0.1 / np.sqrt(n)
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], n - 1) / (n - 1)
    assert low < noise.var(ddof=1) / 0.1**2 < high


def test_the_distribution_is_normal() -> None:
    assert stats.kstest(noise_of(2, 0.2).ravel() / 0.2, "norm").pvalue > 0.001
    uniform = np.random.default_rng(0).uniform(-np.sqrt(3), np.sqrt(3), GREY.numel())
    assert stats.kstest(uniform, "norm").pvalue < 1e-6  # the test has the power to tell


def test_the_noise_is_white() -> None:
    noise = noise_of(3)[0]
    bound = 4 / np.sqrt(noise.size)
    for a, b in ((noise[1:], noise[:-1]), (noise[:, 1:], noise[:, :-1]), (noise[1:, 1:], noise[:-1, :-1])):
        assert abs(stats.pearsonr(a.ravel(), b.ravel()).statistic) < bound


def test_channels_get_noise_of_their_own() -> None:
    noise = (GaussianDegradation(0.1, clip=False)(torch.full((3, 64, 64), 0.5), 4) - 0.5).numpy()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(stats.pearsonr(noise[i].ravel(), noise[j].ravel()).statistic) < 4 / 64


def test_it_is_the_frozen_stream_of_random_state() -> None:
    expected = 0.5 + 0.1 * np.random.RandomState(77).standard_normal(GREY.shape)
    np.testing.assert_allclose(GaussianDegradation(0.1, clip=False)(GREY, 77).numpy(), expected, atol=1e-7)


def test_clipping_clamps_to_the_unit_range_and_can_be_left_out() -> None:
    black = torch.zeros(1, 64, 64)
    free = GaussianDegradation(0.3, clip=False)(black, 5)
    clipped = GaussianDegradation(0.3)(black, 5)
    assert free.min() < -0.3
    assert torch.equal(clipped, free.clamp(0, 1))


def test_zero_sigma_is_the_identity() -> None:
    image = torch.rand(1, 8, 9)
    assert torch.equal(GaussianDegradation(0.0)(image, 1), image)


def test_the_clean_image_and_its_metadata_are_left_alone() -> None:
    clean = MetaTensor(torch.full((1, 8, 8), 0.5), meta={"filename_or_obj": "a.png"})
    out = GaussianDegradation(0.1)(clean, 9)
    assert (clean == 0.5).all() and "degradation" not in clean.meta
    assert out.meta["filename_or_obj"] == "a.png"
    assert out.meta["degradation"] == {"degradation": "gaussian", "sigma": 0.1, "seed": 9, "clip": True}


def test_an_unscaled_image_is_refused() -> None:
    with pytest.raises(ValueError, match="ScaleStoredRange"):
        GaussianDegradation(0.1)(torch.zeros(1, 4, 4, dtype=torch.uint8), 0)


@pytest.mark.parametrize("sigma", [-0.1, float("inf"), float("nan"), "0.1", (0.2, 0.1), (0.1, 0.2, 0.3), None])
def test_an_unusable_sigma_is_refused(sigma: object) -> None:
    with pytest.raises(InputError, match="sigma"):
        RandGaussianDegradation(sigma)


def test_random_noise_covers_its_range_of_sigma_uniformly() -> None:
    rand = RandGaussianDegradation((0.1, 0.3)).set_random_state(0)
    tiny = MetaTensor(torch.full((1, 2, 2), 0.5))
    records = [rand(tiny).meta["degradation"] for _ in range(300)]
    sigmas = np.array([r["sigma"] for r in records])
    assert stats.kstest(sigmas, "uniform", args=(0.1, 0.2)).pvalue > 0.001
    assert len({r["seed"] for r in records}) == 300


def test_random_noise_follows_its_random_state() -> None:
    image = torch.full((1, 16, 16), 0.5)
    first, again, other = (RandGaussianDegradation(0.2).set_random_state(seed)(image) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_randomize_false_repeats_the_last_draw() -> None:
    rand = RandGaussianDegradation((0.1, 0.2))
    image = torch.full((1, 16, 16), 0.5)
    first = rand(image)
    assert torch.equal(rand(image, randomize=False), first)
    assert not torch.equal(rand(image), first)
