# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import ChallengeDegradation, RandChallengeDegradation

SIDE = 160


def flat(intensity: float) -> torch.Tensor:
    return torch.full((1, SIDE, SIDE), intensity, dtype=torch.float64)


def blur(image: np.ndarray) -> np.ndarray:
    """A 3-tap kernel by hand over every spatial axis, the border reflected without the edge pixel."""
    side = np.exp(-1 / (2 * 2.0**2))
    kernel = np.array([side, 1, side]) / (1 + 2 * side)
    for axis in range(1, image.ndim):
        padded = np.pad(image, [(int(a == axis),) * 2 for a in range(image.ndim)], mode="reflect")
        shifts = [np.take(padded, np.arange(n, n + image.shape[axis]), axis=axis) for n in range(3)]
        image = sum(weight * shift for weight, shift in zip(kernel, shifts, strict=True))
    return image


def steps(seed: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    random = np.random.RandomState(seed)
    return {
        "gaussian": lambda x: x + 0.3 * random.standard_normal(x.shape),
        "poisson": lambda x: 0.1 * random.poisson(np.clip(x, 0, None) / 0.1),
        "blur": blur,
    }


def mixed(image: np.ndarray, seed: int, order: tuple[str, ...]) -> np.ndarray:
    parts = steps(seed)
    for name in order:
        image = parts[name](image)
    return image.clip(0, 1)


@pytest.mark.parametrize("shape", [(1, 40, 32), (3, 40, 32), (1, 20, 16, 8), (3, 20, 16, 8)])
def test_it_is_gaussian_then_poisson_then_blur(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random(shape)
    got = ChallengeDegradation()(torch.from_numpy(image), 7).numpy()
    np.testing.assert_allclose(got, mixed(image, 7, ("gaussian", "poisson", "blur")), atol=1e-12)
    for other in (("poisson", "gaussian", "blur"), ("blur", "gaussian", "poisson"), ("gaussian", "blur", "poisson")):
        assert np.abs(got - mixed(image, 7, other)).mean() > 0.02


@pytest.mark.parametrize("rate", [0.02, 0.1])
@pytest.mark.parametrize("intensity", [0.05, 0.5, 0.9])
def test_poisson_noise_has_the_variance_mean_times_rate(intensity: float, rate: float) -> None:
    out = ChallengeDegradation(0, rate, kernel_size=1, clip=False)(flat(intensity), 3).numpy()
    n = out.size
    assert abs(out.mean() - intensity) < 4 * np.sqrt(intensity * rate / n)
    # the fourth central moment of Poisson(m) is m + 3 m^2, so the variance of the sample variance is (m + 2 m^2) / n
    mean = intensity / rate
    assert abs(out.var() / rate**2 - mean) < 4 * np.sqrt((mean + 2 * mean**2) / n)
    np.testing.assert_allclose(out / rate, np.round(out / rate), atol=1e-9)  # whole counts


def test_counts_follow_the_poisson_law() -> None:
    counts = np.round(ChallengeDegradation(0, 0.1, kernel_size=1, clip=False)(flat(0.3), 4).numpy().ravel() / 0.1)
    seen = np.bincount(counts.astype(int), minlength=10)[:10]
    expected = stats.poisson.pmf(np.arange(10), 3.0) * counts.size
    assert (
        stats.chisquare(np.append(seen, counts.size - seen.sum()), np.append(expected, counts.size - expected.sum()))[1]
        > 1e-3
    )


def test_the_gaussian_part_adds_its_variance_where_nothing_falls_below_zero() -> None:
    out = ChallengeDegradation(0.1, 0.1, kernel_size=1, clip=False)(flat(0.8), 5).numpy()
    expected = 0.1**2 + 0.1 * 0.8  # law of total variance
    assert abs(out.mean() - 0.8) < 4 * np.sqrt(expected / out.size)
    assert abs(out.var() / expected - 1) < 0.05


@pytest.mark.parametrize(("size", "sigma"), [(3, 2.0), (5, 1.0)])
def test_the_blur_is_scipys(size: int, sigma: float) -> None:
    image = np.random.default_rng(1).random((3, 30, 26))
    tiny = ChallengeDegradation(0, 1e-9, size, sigma)  # 1e9 counts: nearly free of noise
    got = tiny(torch.from_numpy(image), 0).numpy()
    expected = [ndimage.gaussian_filter(c, sigma, truncate=(size // 2) / sigma, mode="mirror") for c in image]
    np.testing.assert_allclose(got, expected, atol=2e-4)
    assert np.abs(got - image).max() > 0.1


def test_channels_get_noise_of_their_own() -> None:
    out = ChallengeDegradation(kernel_size=1, clip=False)(torch.full((3, SIDE, SIDE), 0.5), 6).numpy()
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(stats.pearsonr(out[a].ravel(), out[b].ravel()).statistic) < 4 / SIDE


def test_only_the_end_is_clamped() -> None:
    free, clipped = (ChallengeDegradation(clip=clip)(flat(0.9), 8) for clip in (False, True))
    assert free.max() > 1.2
    assert torch.equal(clipped, free.clamp(0, 1))
    # a clamp between the steps would pull the mean below
    assert abs(free.mean() - 0.9) < 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 0}, "rate"),
        ({"rate": -0.1}, "rate"),
        ({"kernel_size": 4}, "kernel_size"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": 3.0}, "kernel_size"),
        ({"blur_sigma": 0}, "blur_sigma"),
        ({"sigma": -1}, "sigma"),
    ],
)
def test_unusable_parameters_are_refused_at_once(options: dict, message: str) -> None:
    for transform in (ChallengeDegradation, RandChallengeDegradation):
        with pytest.raises(InputError, match=message):
            transform(**options)
