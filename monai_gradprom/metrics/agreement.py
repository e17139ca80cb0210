# SPDX-License-Identifier: Apache-2.0
"""How well a recognizer agrees with the truth on one image, so that images can be compared and resampled."""

from __future__ import annotations

import torch
from monai.metrics import compute_iou
from monai.networks import one_hot
from monai.utils import convert_to_tensor

__all__ = ["area_difference", "hit", "image_iou"]


def hit(y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Whether the class was recognised.

    Args:
        y_pred: class indices [B, 1], any dtype.
        y: the true ones, of the same shape.

    Returns:
        float64 [B], 1 or 0; its mean over a set is the accuracy.
    """
    same = convert_to_tensor(y_pred, track_meta=False) == convert_to_tensor(y, track_meta=False)
    return same.double().flatten(start_dim=1).mean(dim=1)


def image_iou(y_pred: torch.Tensor, y: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Intersection over union of each image, the mean over classes with background; MONAI's ``compute_iou``.

    Args:
        y_pred: integer labels [B, 1, *spatial] from 0 to ``num_classes - 1``, any dtype.
        y: the true ones, of the same shape.
        num_classes: K.

    Returns:
        float64 [B]. Classes that are not in the truth are left out of an image's mean.
    """
    predicted, true = (one_hot(_labels(labels), num_classes) for labels in (y_pred, y))
    return compute_iou(predicted, true, include_background=True, ignore_empty=True).double().nanmean(dim=1)


def area_difference(y_pred: torch.Tensor, y: torch.Tensor, num_classes: int) -> torch.Tensor:
    """Relative difference of a structure's area, ``(A_pred - A) / A``, the mean over structures.

    Clinical measures such as the ejection fraction are functions of the left ventricle's area. Mean and standard
    deviation over a set are the bias and, times 1.96, the limits of agreement of Bland and Altman, "Statistical methods
    for assessing agreement between two methods of clinical measurement", Lancet 327(8476), 1986, on relative areas.

    Args:
        y_pred: integer labels [B, 1, *spatial] from 0 (background) to ``num_classes - 1``, any dtype.
        y: the true ones, of the same shape.
        num_classes: K.

    Returns:
        float64 [B], without unit: -1 where a structure is missed, positive where it is too large. Structures that are
        not in the truth are left out of an image's mean; nan where there is none.
    """
    predicted, true = (
        one_hot(_labels(labels), num_classes)[:, 1:].flatten(start_dim=2).sum(dim=2).double() for labels in (y_pred, y)
    )
    return ((predicted - true) / true.where(true > 0, torch.nan)).nanmean(dim=1)


def _labels(labels: torch.Tensor) -> torch.Tensor:
    return convert_to_tensor(labels, track_meta=False).long()
