# SPDX-License-Identifier: Apache-2.0
"""PSNR and SSIM over a whole image or a region of it."""

from __future__ import annotations

import math

import torch
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_gradprom.errors import InputError
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
    a, b, region = _plain(y_pred, y, mask)
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
    a, b, region = _plain(y_pred, y, mask)
    if min(b.shape[2:]) < win_size:
        raise InputError(
            f"SSIM's window is {win_size} pixels wide but the image is {list(b.shape[2:])}; use larger images or a "
            "smaller win_size."
        )
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = _blur(torch.stack([a, b, a * a, b * b, a * b]), win_size, sigma)
    variances, covariance = mean_aa - mean_a**2 + mean_bb - mean_b**2, mean_ab - mean_a * mean_b
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return region_mean(luminance * structure, None if region is None else _valid_part(region, win_size))


def _plain(
    y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return the images in float64 and the mask, all without metadata."""
    if y_pred.shape != y.shape:  # subtraction would broadcast
        raise ValueError(f"y_pred is {list(y_pred.shape)} but y {list(y.shape)}; give images of the same shape.")
    a, b = (convert_to_tensor(image, dtype=torch.float64, track_meta=False) for image in (y_pred, y))
    return a, b, None if mask is None else convert_to_tensor(mask, track_meta=False)


def _blur(stack: torch.Tensor, win_size: int, sigma: float) -> torch.Tensor:
    """Gaussian-weighted means over the valid part, for a stack [N, B, C, *spatial]; one axis after the other."""
    spatial_dims = stack.ndim - 3
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[spatial_dims]
    offsets = torch.arange(win_size, dtype=stack.dtype, device=stack.device) - (win_size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    out = stack.flatten(0, 2).unsqueeze(1)
    for axis in range(spatial_dims):
        out = convolve(out, weights.view(1, 1, *(-1 if other == axis else 1 for other in range(spatial_dims))))
    return out.view(*stack.shape[:3], *out.shape[2:])


def _valid_part(mask: torch.Tensor, win_size: int) -> torch.Tensor:
    border = win_size // 2
    index = (slice(None), slice(None), *(slice(border, side - border) for side in mask.shape[2:]))
    return mask[index]
