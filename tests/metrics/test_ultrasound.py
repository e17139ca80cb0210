# SPDX-License-Identifier: Apache-2.0
"""Contrast-to-noise and speckle statistics against numpy and theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.metrics import contrast_to_noise, generalized_contrast, speckle_snr


@pytest.fixture
def scene():
    """Two images of two regions, with junk elsewhere."""
    random = np.random.RandomState(0)
    img = 50 * random.randn(2, 1, 40, 50)
    a, b = np.zeros((2, 1, 40, 50), bool), np.zeros((2, 1, 40, 50), bool)
    a[:, :, 3:17, 5:30] = True
    b[0, :, 20:35, 4:44], b[1, :, 22:30, 10:20] = True, True
    img[a] = 3 + 2 * random.randn(a.sum())
    img[b] = 7 + 4 * random.randn(b.sum())
    return img, a, b


def test_contrast_to_noise_by_hand(scene):
    img, a, b = scene
    expected = [
        abs(x[p].mean() - x[q].mean()) / math.sqrt(x[p].var() + x[q].var()) for x, p, q in zip(img, a, b, strict=True)
    ]
    arguments = [torch.from_numpy(array) for array in (img, a, b)]
    assert contrast_to_noise(*arguments).tolist() == pytest.approx(expected, rel=1e-12)
    assert contrast_to_noise(arguments[0], arguments[2], arguments[1]).tolist() == pytest.approx(expected, rel=1e-12)
    assert expected[0] == pytest.approx(4 / math.sqrt(20), rel=0.1)


def test_speckle_snr_by_hand(scene):
    img, a, _ = scene
    expected = [x[p].mean() / x[p].std() for x, p in zip(img, a, strict=True)]
    assert speckle_snr(torch.from_numpy(img), torch.from_numpy(a)).tolist() == pytest.approx(expected, rel=1e-12)


def test_fully_developed_speckle():
    """The envelope of a complex Gaussian field has sqrt(pi / (4 - pi)) = 1.913, whatever its strength."""
    field = torch.view_as_complex(torch.randn(2, 1, 400, 500, 2, generator=torch.Generator().manual_seed(0)))
    envelope = field.abs() * torch.tensor([1.0, 30.0]).view(2, 1, 1, 1)
    values = speckle_snr(envelope, torch.ones(1))
    assert values.tolist() == pytest.approx([math.sqrt(math.pi / (4 - math.pi))] * 2, rel=0.01)
    smooth = torch.nn.functional.avg_pool2d(envelope, 2)
    assert speckle_snr(smooth, torch.ones(1))[0].item() == pytest.approx(2 * values[0].item(), rel=0.02)


def test_empty_and_flat_regions(scene):
    img, a, _ = (torch.from_numpy(array) for array in scene)
    empty = torch.zeros_like(a)
    assert speckle_snr(img, empty).isnan().all()
    assert contrast_to_noise(img, a, empty).isnan().all() and contrast_to_noise(img, empty, a).isnan().all()
    flat = torch.where(a, 2.0, 1.0)
    assert speckle_snr(flat, a).isinf().all() and contrast_to_noise(flat, a, ~a).isinf().all()


def test_large_offsets_do_not_cancel():
    """Single precision would lose a deviation of 1 beside a mean of 1e8."""
    img = torch.tensor([[[1e8 - 1, 1e8 + 1]]], dtype=torch.float64)
    assert speckle_snr(img, torch.ones(1)).item() == pytest.approx(1e8)


def test_integers_and_metadata(scene):
    img, a, b = (torch.from_numpy(array) for array in scene)
    stored = MetaTensor(img.clamp(0, 255).round().to(torch.uint8))
    out = contrast_to_noise(stored, MetaTensor(a.to(torch.uint8)), b)
    assert not isinstance(out, MetaTensor)
    torch.testing.assert_close(out, contrast_to_noise(stored.as_tensor().double(), a, b))


def test_generalized_contrast_is_one_less_the_overlap():
    """Uniform on 0 to 1 and on 0.25 to 1.25 overlap by three quarters; disjoint regions by nothing."""
    ramp = torch.linspace(0, 1, 6400, dtype=torch.float64).view(1, 1, 80, 80)
    img = torch.cat([ramp, ramp + 0.25, ramp + 7], dim=-1)
    a, b, c = (torch.zeros_like(img) for _ in range(3))
    a[..., :80], b[..., 80:160], c[..., 160:] = 1, 1, 1
    assert generalized_contrast(img, a, b).item() == pytest.approx(0.25, abs=0.01)
    assert generalized_contrast(img, a, c).item() == pytest.approx(1, abs=0.01)
    assert generalized_contrast(img, a, a).item() == 0
    assert generalized_contrast(img, a, torch.zeros_like(a)).isnan().all()


def test_generalized_contrast_does_not_know_the_grey_scale(scene):
    img, a, b = (torch.from_numpy(array) for array in scene)
    curved = 1 / (1 + torch.exp(-img / 5))
    assert contrast_to_noise(curved, a, b).tolist() != pytest.approx(contrast_to_noise(img, a, b).tolist(), rel=0.02)
    assert torch.equal(generalized_contrast(curved, a, b), generalized_contrast(img, a, b))
    assert generalized_contrast(img, a, b)[0].item() == generalized_contrast(img[:1], a[:1], b[:1]).item()
