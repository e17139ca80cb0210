# SPDX-License-Identifier: Apache-2.0
"""How much of an image's structure another one keeps, whatever its brightness and contrast."""

from __future__ import annotations

import torch

from monai_gradprom.metrics.local_moments import local_moments, plain_pair, valid_part
from monai_gradprom.metrics.region import region_mean

__all__ = ["structure_similarity"]


def structure_similarity(
    y_pred: torch.Tensor,
    image: torch.Tensor,
    mask: torch.Tensor | None = None,
    data_range: float = 1.0,
    win_size: int = 11,
    sigma: float = 1.5,
    k2: float = 0.03,
) -> torch.Tensor:
    """SSIM's third factor alone, ``(σ_xy + C3) / (σ_x σ_y + C3)`` with ``C3 = C2 / 2``, averaged over each image.

    Wang et al., IEEE Trans. Image Processing 13(4), 2004, equation 10: the correlation of both images within each
    window. Where contrast or brightness change, but not what is seen, it stays near 1; removing speckle lowers it too,
    for speckle is correlated with nothing else.

    Args:
        y_pred: [B, C, *spatial], the enhanced image.
        image: its input, of the same shape.
        mask: [B, 1, *spatial]; where it is not zero, the window's centre counts. None: every valid centre counts. Two
            flat windows count as equal: leave what surrounds a sector out.
        data_range: the range of the intensities (1 for images scaled by their stored range).
        win_size: odd side of the window in pixels.
        sigma: of the Gaussian, in pixels.
        k2: stability constant of the contrast.

    Returns:
        float64 [B], -1 to 1; nan for a mask without a valid centre.

    Raises:
        ValueError: the shapes differ.
        InputError: a side of the image is shorter than the window.
    """
    a, b, region = plain_pair(y_pred, image, mask)
    moments = local_moments(a, b, win_size, sigma)
    c3 = (k2 * data_range) ** 2 / 2
    # rounding may leave a flat window a variance just below 0
    deviations = (moments.variance_a.clamp(min=0) * moments.variance_b.clamp(min=0)).sqrt()
    return region_mean((moments.covariance + c3) / (deviations + c3), valid_part(region, win_size))
