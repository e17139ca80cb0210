# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from skimage.util import random_noise

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import GaussianDegradation, RandSpeckleDegradation, SpeckleDegradation

INTENSITIES = (0.04, 0.25, 0.81, 1.0)
SIDE = 160


def noise_at(intensity: float, gamma: float, sigma: float = 0.2) -> np.ndarray:
    image = torch.full((1, SIDE, SIDE), intensity)
    out = SpeckleDegradation(sigma, gamma, clip=False)(image, 5)
    return (out.double() - intensity).numpy().ravel()


@pytest.mark.parametrize("gamma", [0.5, 1.0, 0.3])
@pytest.mark.parametrize("intensity", INTENSITIES)
def test_its_strength_is_a_power_of_the_intensity(intensity: float, gamma: float) -> None:
    noise = noise_at(intensity, gamma)
    expected = 0.2 * intensity**gamma
    assert abs(noise.mean()) < 4 * expected / SIDE
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], noise.size - 1) / (noise.size - 1)
    assert low < noise.var(ddof=1) / expected**2 < high
    assert stats.kstest(noise / expected, "norm").pvalue > 0.001


def test_it_is_the_formula_with_the_frozen_stream() -> None:
    image = np.linspace(0, 1, 3 * 20 * 24).reshape(3, 20, 24)
    expected = image + np.sqrt(image) * 0.3 * np.random.RandomState(9).standard_normal(image.shape)
    got = SpeckleDegradation(0.3)(torch.from_numpy(image).float(), 9).numpy()
    np.testing.assert_allclose(got, expected.clip(0, 1), atol=1e-6)


def test_gamma_one_has_the_statistics_of_scikit_image() -> None:
    ramp = np.linspace(0.1, 1, SIDE)[None].repeat(SIDE, axis=0)
    theirs = random_noise(ramp, mode="speckle", var=0.04, rng=0, clip=False)
    ours = SpeckleDegradation(0.2, gamma=1.0, clip=False)(torch.from_numpy(ramp)[None], 0)[0].numpy()
    assert stats.ks_2samp(((theirs - ramp) / ramp).ravel(), ((ours - ramp) / ramp).ravel()).pvalue > 0.001
    half = SpeckleDegradation(0.2, gamma=0.5, clip=False)(torch.from_numpy(ramp)[None], 0)[0].numpy()
    assert stats.ks_2samp(((theirs - ramp) / ramp).ravel(), ((half - ramp) / ramp).ravel()).pvalue < 1e-6


def test_gamma_zero_is_gaussian_noise() -> None:
    image = torch.rand(1, 16, 16)
    assert torch.equal(SpeckleDegradation(0.1, gamma=0.0)(image, 3), GaussianDegradation(0.1)(image, 3))


def test_black_stays_black_and_nothing_becomes_nan() -> None:
    image = torch.tensor([[[0.0, -1e-3, 0.5]]])
    out = SpeckleDegradation(0.3, clip=False)(image, 1)
    assert torch.equal(out[..., :2], image[..., :2]) and torch.isfinite(out).all()


@pytest.mark.parametrize("shape", [(1, 48, 40), (3, 48, 40), (1, 24, 20, 8), (3, 24, 20, 8)])
def test_each_channel_and_each_pixel_has_noise_of_its_own(shape: tuple[int, ...]) -> None:
    out = SpeckleDegradation(0.1, clip=False)(torch.full(shape, 0.5), 2)
    assert out.shape == shape and out.unique().numel() > 0.98 * out.numel()
    for a in range(1, shape[0]):
        together = stats.pearsonr(out[0].numpy().ravel() - 0.5, out[a].numpy().ravel() - 0.5).statistic
        assert abs(together) < 4 / np.sqrt(out[0].numel())


@pytest.mark.parametrize("gamma", [-0.5, float("nan"), float("inf"), "0.5", None])
def test_an_unusable_gamma_is_refused_at_once(gamma: object) -> None:
    with pytest.raises(InputError, match="gamma"):
        SpeckleDegradation(0.1, gamma)
    with pytest.raises(InputError, match="gamma"):
        RandSpeckleDegradation((0.1, 0.2), gamma)
