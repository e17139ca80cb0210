# SPDX-License-Identifier: Apache-2.0
"""Mean intersection over union with counts pooled over all images."""

from __future__ import annotations

import torch

from monai_gradprom.metrics.confusion import PooledConfusion

__all__ = ["PooledMeanIoU"]


class PooledMeanIoU(PooledConfusion):
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
        confusion = self.confusion()
        if not confusion.any():
            raise ValueError("PooledMeanIoU has seen no images; call it with y_pred and y first.")
        intersection = confusion.diagonal()
        return intersection / (confusion.sum(dim=0) + confusion.sum(dim=1) - intersection)
