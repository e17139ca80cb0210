# SPDX-License-Identifier: Apache-2.0
"""Mean intersection over union with counts pooled over all images."""

from __future__ import annotations

from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric
from monai.utils import convert_to_tensor

__all__ = ["PooledMeanIoU"]


class PooledMeanIoU(CumulativeIterationMetric):
    """mIoU as segmentation benchmarks report it: confusion counts pooled over the set, then one IoU per class.

    The mean of per-image IoU (MONAI's ``MeanIoU``) weighs a structure of ten pixels as much as one of ten thousand and
    has no value for images without it; pooled counts do not.

    Inputs are integer labels, not logits: ``y_pred`` and ``y`` are [B, 1, *spatial], or lists of [1, *spatial] of any
    sizes, with values 0 to ``num_classes - 1`` in any dtype. Background is a class. Distributed runs pool over ranks.

    Args:
        num_classes: K.

    Example:
        >>> metric = PooledMeanIoU(num_classes=2)
        >>> _ = metric(torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 0, 1]]]))
        >>> metric.aggregate().item()
        0.5
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes

    def aggregate(self) -> torch.Tensor:
        """Return the mean IoU (float64 scalar) over the classes that occur in any ``y`` or ``y_pred``.

        Raises:
            ValueError: nothing was seen yet.
        """
        return self.per_class().nanmean()

    def per_class(self) -> torch.Tensor:
        """Return each class's IoU, float64 [K]; nan for a class that occurs nowhere.

        Raises:
            ValueError: nothing was seen yet.
        """
        counts = self.get_buffer()
        if counts is None:
            raise ValueError("PooledMeanIoU has seen no images; call it with y_pred and y first.")
        confusion = counts.sum(dim=0).double()
        intersection = confusion.diagonal()
        return intersection / (confusion.sum(dim=0) + confusion.sum(dim=1) - intersection)

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **kwargs: Any) -> torch.Tensor:
        """Count, per image, the pixels of each true class (rows) and predicted class (columns): int64 [B, K, K]."""
        if y is None or y_pred.shape != y.shape:
            raise ValueError(f"y_pred is {list(y_pred.shape)} but y {None if y is None else list(y.shape)}.")
        predicted, true = (self._flat_labels(*named) for named in (("y_pred", y_pred), ("y", y)))
        cells = true * self.num_classes + predicted
        counts = [torch.bincount(image, minlength=self.num_classes**2) for image in cells]
        return torch.stack(counts).view(-1, self.num_classes, self.num_classes)

    def _flat_labels(self, name: str, labels: torch.Tensor) -> torch.Tensor:
        values = convert_to_tensor(labels, track_meta=False)
        whole = values.long()
        if values.ndim < 3 or values.shape[1] != 1 or not torch.equal(whole.to(values.dtype), values):
            raise ValueError(
                f"{name} is {list(values.shape)} {values.dtype}; give integer labels [B, 1, ...], not logits."
            )
        if whole.numel() and not (whole.min() >= 0 and whole.max() < self.num_classes):
            raise ValueError(
                f"{name} holds labels {whole.min()} to {whole.max()}; num_classes={self.num_classes} allows 0 to "
                f"{self.num_classes - 1}."
            )
        return whole.flatten(start_dim=1)
