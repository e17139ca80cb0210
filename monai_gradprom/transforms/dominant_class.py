# SPDX-License-Identifier: Apache-2.0
"""An image-level class out of a map of nuclei: the class that covers the largest area."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends

__all__ = ["DominantClassd", "dominant_class"]


def dominant_class(class_map: torch.Tensor | np.ndarray, num_classes: int) -> int | None:
    """The zero-based class of the largest area; of equal areas the first class.

    Args:
        class_map: whole numbers in any shape: 0 background, 1 to ``num_classes`` the classes; others do not count.
        num_classes: how many classes there are.

    Returns:
        0 to ``num_classes - 1``, or ``None`` where the map shows none of them.
    """
    values = torch.as_tensor(class_map).as_subclass(torch.Tensor).flatten().long()
    areas = torch.bincount(values.clamp(0, num_classes + 1), minlength=num_classes + 2)[1:-1]
    return int(areas.argmax()) if areas.any() else None


class DominantClassd(MapTransform):
    """Let a crop's own nuclei decide its ``diagnosis``: the paper's "diagnosis" of Lizard is not defined; this is ours.

    Placed after cropping. Where the crop shows no nucleus of a known class, the item's diagnosis (that of the whole
    image) stays; where there is none either, no key is made up.

    Args:
        keys: the map of classes, see :func:`dominant_class`.
        output_key: where the class goes, as an int.
        num_classes: see :func:`dominant_class`.
        allow_missing_keys: leave an item without a map as it is.
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012 - as in every MONAI transform

    def __init__(
        self,
        keys: KeysCollection = "segmentation",
        output_key: str = "diagnosis",
        num_classes: int = 6,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise ValueError(f"keys are {self.keys}; give the one that holds the map of classes.")
        self.output_key = output_key
        self.num_classes = num_classes

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Set the class that dominates the map."""
        d = dict(data)
        for key in self.key_iterator(d):
            found = dominant_class(d[key], self.num_classes)
            if found is not None:
                d[self.output_key] = found
        return d
