# SPDX-License-Identifier: Apache-2.0
"""Means, variances and covariance of two images in a sliding Gaussian window: what SSIM and its parts are made of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_gradprom.errors import InputError

__all__ = ["LocalMoments", "local_moments", "plain_pair", "valid_part"]


class LocalMoments(NamedTuple):
    """Population moments at every position of the window, [B, C, *valid] each."""

    mean_a: torch.Tensor
    mean_b: torch.Tensor
    variance_a: torch.Tensor
    variance_b: torch.Tensor
    covariance: torch.Tensor


def local_moments(a: torch.Tensor, b: torch.Tensor, win_size: int, sigma: float) -> LocalMoments:
    """Moments wherever the window lies wholly inside the image.

    Args:
        a: float64 [B, C, *spatial], with one to three spatial dimensions: variances are differences of nearly equal
            numbers, which TF32 convolutions on a GPU ruin.
        b: of the same shape.
        win_size: odd side of the window in pixels.
        sigma: of the Gaussian, in pixels.

    Raises:
        InputError: a side of the image is shorter than the window.
    """
    if min(b.shape[2:]) < win_size:
        raise InputError(
            f"SSIM's window is {win_size} pixels wide but the image is {list(b.shape[2:])}; use larger images or a "
            "smaller win_size."
        )
    mean_a, mean_b, mean_aa, mean_bb, mean_ab = _blur(torch.stack([a, b, a * a, b * b, a * b]), win_size, sigma)
    return LocalMoments(mean_a, mean_b, mean_aa - mean_a**2, mean_bb - mean_b**2, mean_ab - mean_a * mean_b)


def plain_pair(
    y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Return the images in float64 and the mask, all without metadata.

    Raises:
        ValueError: the shapes differ.
    """
    if y_pred.shape != y.shape:  # subtraction would broadcast
        raise ValueError(f"y_pred is {list(y_pred.shape)} but y {list(y.shape)}; give images of the same shape.")
    a, b = (convert_to_tensor(image, dtype=torch.float64, track_meta=False) for image in (y_pred, y))
    return a, b, None if mask is None else convert_to_tensor(mask, track_meta=False)


def valid_part(mask: torch.Tensor | None, win_size: int) -> torch.Tensor | None:
    """The part of a mask where the window's centre may lie."""
    if mask is None:
        return None
    border = win_size // 2
    index = (slice(None), slice(None), *(slice(border, side - border) for side in mask.shape[2:]))
    return mask[index]


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
