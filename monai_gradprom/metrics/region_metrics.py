# SPDX-License-Identifier: Apache-2.0
"""PSNR and SSIM as MONAI metrics, over the whole image or a region."""

from __future__ import annotations

from typing import Any

import torch
from monai.config import TensorOrList
from monai.metrics.regression import RegressionMetric
from monai.utils import MetricReduction

from monai_gradprom.metrics.image_quality import psnr, ssim

__all__ = ["RegionMetric", "RegionPSNR", "RegionSSIM"]


class RegionMetric(RegressionMetric):
    """A metric whose mask may be given as an argument or as one more channel of ``y``."""

    def __call__(
        self, y_pred: TensorOrList, y: TensorOrList | None = None, mask: TensorOrList | None = None, **kwargs: Any
    ) -> Any:
        """Measure a batch and remember the values.

        Args:
            y_pred: [B, C, *spatial], or a list of [C, *spatial].
            y: as y_pred, or with one channel more: the mask. (Evaluators hand over pairs only; MONAI's
                ``ConcatItemsd`` joins a label and its mask.)
            mask: [B, 1, *spatial], or a list of [1, *spatial]; where it is not zero, pixels count.
            kwargs: none are used.

        Returns:
            float64 [B, 1].

        Raises:
            ValueError: the shapes differ.
            InputError: SSIM's window does not fit into the image.
        """
        if mask is not None and y is not None:
            if isinstance(y, torch.Tensor) and isinstance(mask, torch.Tensor):
                y = _joined(y, mask, dim=1)
            else:
                y = [_joined(image, region, dim=0) for image, region in zip(y, mask, strict=True)]
        return super().__call__(y_pred, y, **kwargs)

    def _check_shape(self, y_pred: torch.Tensor, y: torch.Tensor) -> None:
        has_mask = y.ndim > 1 and y.shape[1] == y_pred.shape[1] + 1
        super()._check_shape(y_pred, y[:, :-1] if has_mask else y)

    def _compute_metric(self, y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        channels = y_pred.shape[1]
        mask = y[:, channels:] if y.shape[1] > channels else None
        return self._measure(y_pred, y[:, :channels], mask).unsqueeze(1)

    def _measure(self, y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        raise NotImplementedError


class RegionPSNR(RegionMetric):
    """:func:`psnr` as a MONAI metric; called with ``(y_pred, y)`` or ``(y_pred, y, mask)``.

    Args:
        max_val: the range of the intensities.
        reduction: how ``aggregate`` combines images, as in MONAI; nan (an empty mask) is left out.
        get_not_nans: whether ``aggregate`` also returns how many values were not nan.
    """

    def __init__(
        self,
        max_val: float = 1.0,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(reduction=reduction, get_not_nans=get_not_nans)
        self.max_val = max_val

    def _measure(self, y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return psnr(y_pred, y, mask, self.max_val)


class RegionSSIM(RegionMetric):
    """:func:`ssim` as a MONAI metric; called with ``(y_pred, y)`` or ``(y_pred, y, mask)``.

    Args:
        data_range: the range of the intensities.
        win_size: odd side of the window in pixels.
        sigma: of the Gaussian, in pixels.
        reduction: how ``aggregate`` combines images, as in MONAI; nan (no valid pixel in the mask) is left out.
        get_not_nans: whether ``aggregate`` also returns how many values were not nan.
    """

    def __init__(
        self,
        data_range: float = 1.0,
        win_size: int = 11,
        sigma: float = 1.5,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(reduction=reduction, get_not_nans=get_not_nans)
        self.data_range, self.win_size, self.sigma = data_range, win_size, sigma

    def _measure(self, y_pred: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return ssim(y_pred, y, mask, self.data_range, self.win_size, self.sigma)


def _joined(image: torch.Tensor, mask: torch.Tensor, dim: int) -> torch.Tensor:
    return torch.cat([image, (mask != 0).to(image)], dim=dim)
