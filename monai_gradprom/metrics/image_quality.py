# SPDX-License-Identifier: Apache-2.0
"""PSNR and SSIM over a whole image or a region of it."""

from __future__ import annotations

import math

import torch

from monai_gradprom.metrics.local_moments import local_moments, plain_pair, valid_part
from monai_gradprom.metrics.region import region_mean

__all__ = ["psnr", "ssim"]


def psnr(y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None = None, max_val: float = 1.0) -> torch.Tensor:
    """Peak signal-to-noise ratio, ``10 log10(max_val² / MSE)``, of each image.

    Args:
        y_pred: [B, C, *spatial], the enhanced image.
        y: the clean image, of the same shape.
        mask: [B, 1, *spatial] (or one channel per image channel); where it is not zero, pixels count. None: all count.
        max_val: the range of the intensities (1 for images scaled by their stored range).

    Returns:
        Decibels, float64 [B]; inf for equal images, nan for an empty mask.

    Raises:
        ValueError: the shapes differ.
    """
    a, b, region = plain_pair(y_pred, y, mask)
    return 20 * math.log10(max_val) - 10 * torch.log10(region_mean((a - b).square(), region))


def ssim(
    y_pred: torch.Tensor,
    y: torch.Tensor,
    mask: torch.Tensor | None = None,
    data_range: float = 1.0,
    win_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> torch.Tensor:
    """Structural similarity (Wang et al., IEEE Trans. Image Processing 13(4), 2004) of each image.

    Gaussian window, population covariance, averaged over the positions at which the window lies wholly inside the
    image: scikit-image's ``structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`` and
    MONAI's ``SSIMMetric``. Computed in float64: its variances are differences of nearly equal numbers, which TF32
    convolutions on a GPU ruin.

    Args:
        y_pred: [B, C, *spatial], the enhanced image, with one to three spatial dimensions.
        y: the clean image, of the same shape.
        mask: [B, 1, *spatial]; where it is not zero, the window's centre counts. None: every valid centre counts.
        data_range: the range of the intensities (1 for images scaled by their stored range).
        win_size: odd side of the window in pixels.
        sigma: of the Gaussian, in pixels.
        k1: stability constant of the luminance.
        k2: stability constant of the contrast.

    Returns:
        float64 [B]; nan for a mask without a valid centre.

    Raises:
        ValueError: the shapes differ.
        InputError: a side of the image is shorter than the window.
    """
    a, b, region = plain_pair(y_pred, y, mask)
    mean_a, mean_b, variance_a, variance_b, covariance = local_moments(a, b, win_size, sigma)
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return region_mean(luminance * structure, valid_part(region, win_size))
