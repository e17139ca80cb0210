# SPDX-License-Identifier: Apache-2.0
"""PSNR and SSIM against scikit-image and MONAI, whole and in a region."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.metrics import PSNRMetric, SSIMMetric
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from monai_gradprom.errors import InputError
from monai_gradprom.metrics import psnr, ssim

SIDES = [(11, 11), (40, 57), (128, 96), (13, 14, 15)]


def example(sides, channels=1, level=0.5, seed=0):
    """A smooth clean image and a clamped noisy one, float32 [1, C, *sides] in [0, 1]."""
    random = np.random.RandomState(seed)
    ramp = np.add.reduce(np.meshgrid(*(np.linspace(0, 1, side) for side in sides), indexing="ij")) / len(sides)
    clean = level + (1 - level) * ramp * np.ones((channels, *sides))
    noisy = np.clip(clean + 0.1 * random.randn(*clean.shape), 0, 1)
    return noisy[None].astype(np.float32), clean[None].astype(np.float32)


def reference_ssim(noisy, clean, **options):
    return structural_similarity(
        noisy[0], clean[0], channel_axis=0, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("level", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sides", SIDES)
def test_whole_image_agrees_with_scikit_image(sides, channels, level):
    noisy, clean = example(sides, channels, level)
    a, b = torch.from_numpy(noisy), torch.from_numpy(clean)
    assert ssim(a, b).item() == pytest.approx(reference_ssim(noisy, clean), abs=1e-4)
    assert psnr(a, b).item() == pytest.approx(peak_signal_noise_ratio(clean, noisy, data_range=1), abs=1e-4)


@pytest.mark.parametrize("sides", SIDES)
def test_whole_image_agrees_with_monai(sides):
    a, b = (torch.from_numpy(image) for image in example(sides))
    torch.testing.assert_close(psnr(a, b)[:, None].float(), PSNRMetric(max_val=1)(a, b), rtol=1e-5, atol=0)
    torch.testing.assert_close(ssim(a, b)[:, None].float(), SSIMMetric(len(sides))(a, b), rtol=0, atol=1e-5)


def test_each_image_has_its_own_value():
    pairs = [example((20, 30), seed=seed) for seed in range(3)]
    noisy, clean = (torch.from_numpy(np.concatenate(side)) for side in zip(*pairs, strict=True))
    for function in (psnr, ssim):
        single = [function(noisy[i : i + 1], clean[i : i + 1]).item() for i in range(3)]
        assert function(noisy, clean).tolist() == pytest.approx(single, rel=1e-12)
        assert len(set(single)) == 3


def test_ranges_other_than_one():
    noisy, clean = example((30, 30))
    a, b = (torch.from_numpy(255 * image) for image in (noisy, clean))
    assert psnr(a, b, max_val=255).item() == pytest.approx(
        peak_signal_noise_ratio(clean, noisy, data_range=1), abs=1e-4
    )
    assert ssim(a, b, data_range=255).item() == pytest.approx(reference_ssim(noisy, clean), abs=1e-4)


def test_single_precision_is_not_the_limit():
    """Bright flat images, on which float32 variances lose most: agreement to 1e-9 shows float64 inside."""
    noisy, clean = example((64, 64), level=0.99)
    value = ssim(torch.from_numpy(noisy), torch.from_numpy(clean)).item()
    assert value == pytest.approx(reference_ssim(noisy.astype(float), clean.astype(float)), abs=1e-9)
    assert abs(SSIMMetric(2)(torch.from_numpy(noisy), torch.from_numpy(clean)).item() - value) > 1e-9


def disc(sides, centre=(25, 20), radius=22):
    rows, columns = np.ogrid[: sides[0], : sides[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_in_a_region(channels):
    noisy, clean = example((48, 60), channels)
    inside = disc((48, 60))
    error = (noisy.astype(float) - clean.astype(float))[0][:, inside]
    mask = torch.from_numpy(inside)[None, None]
    a, b = torch.from_numpy(noisy), torch.from_numpy(clean)
    assert psnr(a, b, mask).item() == pytest.approx(-10 * np.log10((error**2).mean()), rel=1e-9)
    assert psnr(a, b, mask.to(torch.uint8)) == psnr(a, b, mask) != psnr(a, b)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_in_a_region_averages_the_map(channels):
    noisy, clean = example((48, 60), channels)
    inside = disc((48, 60))  # reaches into the border of 5 pixels where no whole window fits
    valid = np.zeros_like(inside)
    valid[5:-5, 5:-5] = True
    assert (inside & ~valid).any()
    _, similarity = reference_ssim(noisy.astype(float), clean.astype(float), full=True)
    expected = similarity[:, inside & valid].mean()
    a, b, mask = torch.from_numpy(noisy), torch.from_numpy(clean), torch.from_numpy(inside)[None, None]
    assert ssim(a, b, mask).item() == pytest.approx(expected, rel=1e-9)
    assert abs(ssim(a, b).item() - expected) > 1e-3


@pytest.mark.parametrize("function", [psnr, ssim])
def test_full_and_empty_masks(function):
    a, b = (torch.from_numpy(image) for image in example((20, 24)))
    assert function(a, b, torch.ones(1, 1, 20, 24)).item() == pytest.approx(function(a, b).item(), rel=1e-12)
    assert function(a, b, torch.zeros(1, 1, 20, 24)).isnan().all()


def test_outside_a_region_anything_may_stand():
    a, b = (torch.from_numpy(image) for image in example((20, 24)))
    mask = torch.zeros(1, 1, 20, 24)
    mask[..., 5:] = 1
    spoilt = a.clone()
    spoilt[..., :5] = torch.inf
    assert psnr(spoilt, b, mask) == psnr(a, b, mask)


def test_extremes():
    a = torch.rand(1, 1, 16, 16)
    assert psnr(a, a).item() == float("inf") and ssim(a, a).item() == pytest.approx(1)
    assert psnr(a, a + 0.1).item() == pytest.approx(20, abs=1e-4)


def test_metadata_is_dropped():
    a, b = (MetaTensor(torch.from_numpy(image)) for image in example((20, 20)))
    for function in (psnr, ssim):
        out = function(a, b, MetaTensor(torch.ones(1, 1, 20, 20)))
        assert not isinstance(out, MetaTensor)
        assert out == pytest.approx(function(a.as_tensor(), b.as_tensor()))


def test_wrong_sizes_are_named():
    with pytest.raises(InputError, match=r"11 pixels wide but the image is \[10, 30\]"):
        ssim(torch.zeros(1, 1, 10, 30), torch.zeros(1, 1, 10, 30))
    for function in (psnr, ssim):
        with pytest.raises(ValueError, match="same shape"):
            function(torch.zeros(1, 1, 20, 20), torch.zeros(1, 3, 20, 20))
