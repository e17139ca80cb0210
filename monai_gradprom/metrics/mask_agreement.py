# SPDX-License-Identifier: Apache-2.0
"""Whether a recognizer sees the same structures in an enhanced image as in its input."""

from __future__ import annotations

import torch
from monai.utils import convert_to_tensor

__all__ = ["mask_agreement", "new_structure"]


def mask_agreement(y_pred: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Intersection over union of the structures seen in both, averaged over those seen in either.

    Args:
        y_pred: integer labels [B, 1, *spatial] that a recognizer finds in the enhanced image; 0 is background.
        image: those that it finds in the input, of the same shape.

    Returns:
        float64 [B], 0 to 1: 1 where nothing changed; nan where no structure is seen in either.

    Raises:
        ValueError: the shapes differ.
    """
    return torch.stack([_agreement(*pair) for pair in zip(*_labels(y_pred, image), strict=True)])


def new_structure(y_pred: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Share of the structure seen in the enhanced image that is background or another structure in the input.

    Args:
        y_pred: as of :func:`mask_agreement`.
        image: as there.

    Returns:
        float64 [B], 0 to 1; nan where the enhanced image shows no structure.

    Raises:
        ValueError: the shapes differ.
    """
    after, before = _labels(y_pred, image)
    return ((after != before) & (after > 0)).sum(dim=1).double() / (after > 0).sum(dim=1)


def _labels(y_pred: torch.Tensor, image: torch.Tensor) -> list[torch.Tensor]:
    if y_pred.shape != image.shape:
        raise ValueError(f"labels are {list(y_pred.shape)} and {list(image.shape)}; give two of the same shape.")
    return [convert_to_tensor(labels, track_meta=False).long().flatten(1) for labels in (y_pred, image)]


def _agreement(after: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    classes = torch.cat([after, before]).unique()
    shares = [
        ((after == c) & (before == c)).sum().double() / ((after == c) | (before == c)).sum() for c in classes if c > 0
    ]
    return torch.stack(shares).mean() if shares else torch.tensor(torch.nan, dtype=torch.float64)
