# SPDX-License-Identifier: Apache-2.0
"""How well whole images are classified: balanced accuracy, area under the ROC curve."""

from __future__ import annotations

from typing import Any

import torch
from monai.metrics import ROCAUCMetric, compute_roc_auc
from monai.networks import one_hot
from monai.utils import convert_to_tensor

from monai_gradprom.metrics.confusion import PooledConfusion

__all__ = ["BalancedAccuracy", "MacroAUC"]


class BalancedAccuracy(PooledConfusion):
    """Mean recall over the classes, so that a rare disease weighs as much as a frequent one (ISIC 2018's measure).

    Inputs and arguments as in :class:`PooledConfusion`: class indices [B, 1]. A class without a true case has no recall
    and is left out of the mean.

    Example:
        >>> metric = BalancedAccuracy(num_classes=3)
        >>> _ = metric(torch.tensor([[0], [0], [0], [0]]), torch.tensor([[0], [0], [0], [1]]))
        >>> metric.aggregate().item()
        0.5
    """

    def aggregate(self) -> torch.Tensor:
        """Return the mean recall, float64 scalar; nan when nothing was seen."""
        confusion = self.confusion()
        return (confusion.diagonal() / confusion.sum(dim=1)).nanmean()


class MacroAUC(ROCAUCMetric):
    """Area under the ROC curve of each class against the rest, averaged over classes; MONAI's ``ROCAUCMetric``.

    ``y_pred`` are probabilities [B, K] or a list of [K]; ``y`` class indices [B, 1] or a list of [1]. A class that no
    image has, or all have, has no ROC curve and is left out of the mean (``ROCAUCMetric`` would return nan for all).
    Distributed runs pool over ranks.

    Args:
        num_classes: K.

    Example:
        >>> metric = MacroAUC(num_classes=2)
        >>> _ = metric(torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]), torch.tensor([[0], [1], [1]]))
        >>> metric.aggregate().item()
        1.0
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes

    def aggregate(self, average: Any = None) -> torch.Tensor:
        """Return the mean AUC, float64 scalar; nan when no class has a curve.

        Args:
            average: unused, MONAI's.
        """
        return self.per_class().nanmean()

    def per_class(self) -> torch.Tensor:
        """Return each class's AUC, float64 [K]; nan for a class that no image has, or all have."""
        if self._buffers is None:
            # nothing seen here: the other processes wait for this one all the same; rows of nan are dropped below
            self.extend(*[torch.full((1, self.num_classes), torch.nan)] * 2)
        y_pred, y = (rows[~rows.isnan().all(dim=1)] for rows in self.get_buffer())
        auc = torch.full((self.num_classes,), torch.nan, dtype=torch.float64)
        for index in range(self.num_classes):
            if 0 < y[:, index].sum() < len(y):
                # MONAI sums in the dtype of y, and float32 counts to 2^24 only
                auc[index] = torch.as_tensor(compute_roc_auc(y_pred[:, index], y[:, index].double()))
        return auc

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        """Return probabilities and one-hot classes, float32 [B, K] each."""
        probabilities, true = (convert_to_tensor(values, track_meta=False) for values in (y_pred, y))
        if probabilities.shape != (len(true), self.num_classes) or true.shape != (len(true), 1):
            raise ValueError(
                f"y_pred is {list(probabilities.shape)} and y {list(true.shape)}; give probabilities "
                f"[B, {self.num_classes}] and class indices [B, 1]."
            )
        if not (probabilities.isfinite().all() and true.min() >= 0 and true.max() < self.num_classes):
            raise ValueError(
                f"y_pred holds nan or infinity, or y classes beyond 0 to {self.num_classes - 1}; check the recognizer "
                "and the labels."
            )
        return probabilities.float(), one_hot(true.long(), self.num_classes)
