# SPDX-License-Identifier: Apache-2.0
"""SSIM's structure factor by hand, and what it does and does not mind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from monai_gradprom.errors import InputError
from monai_gradprom.metrics import ssim, structure_similarity


def example(seed=0):
    random = np.random.RandomState(seed)
    image = gaussian_filter(random.rand(50, 40), 2)
    image = (image - image.min()) / np.ptp(image)
    return image, np.clip(image + 0.1 * random.randn(50, 40), 0, 1)


def by_hand(a, b):
    """Window by window, in float64, after equation 10 of Wang et al. 2004."""
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights = np.outer(weights, weights) / weights.sum() ** 2
    c3, found = 0.03**2 / 2, []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            x, y = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
            variance_x, variance_y = (weights * (x - mean_x) ** 2).sum(), (weights * (y - mean_y) ** 2).sum()
            covariance = (weights * (x - mean_x) * (y - mean_y)).sum()
            found.append((covariance + c3) / (np.sqrt(variance_x * variance_y) + c3))
    return np.mean(found)


def tensors(*images):
    return [torch.from_numpy(image)[None, None] for image in images]


def test_by_hand():
    image, noisy = example()
    assert structure_similarity(*tensors(noisy, image)).item() == pytest.approx(by_hand(noisy, image), abs=1e-10)


def test_it_is_what_scikit_image_has_where_only_structure_differs():
    """An image and its negative have equal variances in every window, and a huge K1 makes the luminance factor 1."""
    image, _ = example()
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = structural_similarity(1 - image, image, data_range=1, K1=1e6, **gaussian)
    assert structure_similarity(*tensors(1 - image, image)).item() == pytest.approx(expected, abs=1e-9)


def test_contrast_and_brightness_do_not_matter_but_what_is_seen_does():
    image, noisy = example()
    x, dim, noise = tensors(image, 0.3 + 0.5 * image, noisy)
    assert structure_similarity(dim, x).item() > 0.99 > ssim(dim, x).item() + 0.05
    assert structure_similarity(noise, x).item() < 0.9
    assert structure_similarity(1 - x, x).item() < -0.8


def test_a_mask_leaves_out_what_surrounds_a_sector():
    image, noisy = example()
    inside = np.zeros_like(image)
    inside[:, 20:] = 1
    a, b, mask = tensors(noisy * inside, image * inside, inside)
    assert structure_similarity(a, b).item() > structure_similarity(a, b, mask).item()  # flat windows count as equal
    whole = structure_similarity(*tensors(noisy[:, 15:], image[:, 15:])).item()
    clean_a, clean_b = tensors(noisy, image)
    right = torch.zeros_like(mask)
    right[..., 20:] = 1
    assert structure_similarity(clean_a, clean_b, right).item() == pytest.approx(whole, abs=1e-12)


def test_too_small_and_unlike_images():
    with pytest.raises(InputError, match="window is 11"):
        structure_similarity(torch.rand(1, 1, 8, 30), torch.rand(1, 1, 8, 30))
    with pytest.raises(ValueError, match="same shape"):
        structure_similarity(torch.rand(1, 1, 20, 30), torch.rand(1, 1, 30, 20))
