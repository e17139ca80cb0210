# SPDX-License-Identifier: Apache-2.0
"""Confusion counts pooled over all images, which mIoU and the accuracies share."""

from __future__ import annotations

from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric
from monai.utils import convert_to_tensor

__all__ = ["PooledConfusion"]


class PooledConfusion(CumulativeIterationMetric):
    """Base of metrics that are functions of one confusion matrix for the whole set. Distributed runs pool over ranks.

    Inputs are integer labels, not logits: ``y_pred`` and ``y`` are [B, 1] or [B, 1, *spatial], or lists of [1] or
    [1, *spatial] of any sizes, with values 0 to ``num_classes - 1`` in any dtype.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes

    def confusion(self) -> torch.Tensor:
        """Return how often each true class (rows) was taken for each class (columns), float64 [K, K]."""
        if self._buffers is None:
            # nothing seen here: the other processes wait for this one all the same
            self.extend(torch.zeros(1, self.num_classes, self.num_classes, dtype=torch.int64))
        return self.get_buffer().sum(dim=0).double()

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
        if values.ndim < 2 or values.shape[1] != 1 or not torch.equal(whole.to(values.dtype), values):
            raise ValueError(
                f"{name} is {list(values.shape)} {values.dtype}; give integer labels [B, 1, ...], not logits."
            )
        if whole.numel() and not (whole.min() >= 0 and whole.max() < self.num_classes):
            raise ValueError(
                f"{name} holds labels {whole.min()} to {whole.max()}; num_classes={self.num_classes} allows 0 to "
                f"{self.num_classes - 1}."
            )
        return whole.flatten(start_dim=1)
