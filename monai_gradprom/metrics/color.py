# SPDX-License-Identifier: Apache-2.0
"""How different two images look in colour."""

from __future__ import annotations

import numpy as np
import torch
from monai.utils import MetricReduction, convert_to_tensor
from skimage.color import deltaE_ciede2000, rgb2lab

from monai_gradprom.metrics.region import region_mean
from monai_gradprom.metrics.region_metrics import RegionMetric

__all__ = ["RegionDeltaE", "delta_e"]


def delta_e(y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """CIEDE2000 colour difference (Sharma et al., Color Research and Application 30(1), 2005), mean over each image.

    scikit-image's, in float64 on the CPU: sRGB to CIELAB under D65 and the 2° observer, weights 1. About 1 is just
    noticeable, black and white are 100 apart. Values outside [0, 1] count as the nearest that a screen can show. Grey
    images are repeated to three channels: their colour difference is one of lightness alone.

    Args:
        y_pred: [B, C, *spatial] in [0, 1], sRGB (C = 3) or grey (C = 1), the enhanced image.
        y: the clean image, of the same shape.
        mask: [B, 1, *spatial]; where it is not zero, pixels count. None: all count.

    Returns:
        float64 [B] on the images' device; nan for an empty mask or an image with nan.

    Raises:
        ValueError: the shapes differ, or C is neither 1 nor 3.
    """
    if y_pred.shape != y.shape:
        raise ValueError(f"y_pred is {list(y_pred.shape)} but y {list(y.shape)}; give images of the same shape.")
    if y.ndim < 3 or y.shape[1] not in (1, 3):
        raise ValueError(f"images are {list(y.shape)}; DeltaE is of RGB or grey ones, [B, 3 or 1, *spatial].")
    difference = torch.from_numpy(np.asarray(deltaE_ciede2000(_lab(y_pred), _lab(y), channel_axis=-1)))
    region = None if mask is None else convert_to_tensor(mask, track_meta=False).cpu()
    return region_mean(difference.unsqueeze(1), region).to(y_pred.device)


def _lab(images: torch.Tensor) -> np.ndarray:
    """CIELAB, float64 [B, *spatial, 3]."""
    plain = convert_to_tensor(images, track_meta=False).detach().cpu().double().clamp(0, 1)
    return rgb2lab(plain.expand(-1, 3, *plain.shape[2:]).movedim(1, -1).numpy(), channel_axis=-1)


class RegionDeltaE(RegionMetric):
    """:func:`delta_e` as a MONAI metric; called with ``(y_pred, y)`` or ``(y_pred, y, mask)``.

    Args:
        reduction: how ``aggregate`` combines images, as in MONAI; nan (an empty mask) is left out.
        get_not_nans: whether ``aggregate`` also returns how many values were not nan.
    """

    def __init__(self, reduction: MetricReduction | str = MetricReduction.MEAN, get_not_nans: bool = False) -> None:
        super().__init__(reduction=reduction, get_not_nans=get_not_nans)

    def _measure(self, y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return delta_e(y_pred, y, mask)
