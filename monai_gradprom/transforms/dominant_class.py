# SPDX-License-Identifier: Apache-2.0
"""An image-level class out of a map of nuclei: the class that covers the largest area."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from monai_gradprom.transforms.nuclei_reader import LIZARD_CLASSES

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
    image) stays. An item without a diagnosis gets none: either its image has no known nucleus at all, or nobody learns
    from the diagnosis and the list was stripped of it, and a mini-batch needs a key in all of its items or in none.
    Only maps that came from Lizard's ``.mat`` files count: the values of other masks are no classes of nuclei.

    Args:
        keys: the map of classes, see :func:`dominant_class`.
        output_key: where the class goes, as an int.
        num_classes: see :func:`dominant_class`.
        diagnoses: the classes that ``output_key`` counts, by their names in ``LIZARD_CLASSES``; where the dominant one
            is not among them, the item's diagnosis stays.
        allow_missing_keys: leave an item without a map as it is.
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012 - as in every MONAI transform

    def __init__(
        self,
        keys: KeysCollection = "segmentation",
        output_key: str = "diagnosis",
        num_classes: int = 6,
        diagnoses: Sequence[str] = LIZARD_CLASSES,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(self.keys) != 1:
            raise ValueError(f"keys are {self.keys}; give the one that holds the map of classes.")
        self.output_key = output_key
        self.num_classes = num_classes
        self.index = {LIZARD_CLASSES.index(name): index for index, name in enumerate(diagnoses)}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the diagnosis by the class that dominates the map."""
        d = dict(data)
        for key in self.key_iterator(d):
            if self.output_key not in d or not is_nuclei_map(d[key]):
                continue
            found = dominant_class(d[key], self.num_classes)
            if found in self.index:
                d[self.output_key] = self.index[found]
        return d


def is_nuclei_map(mask: Any) -> bool:
    """Whether a mask was loaded from one of Lizard's label files."""
    file = mask.meta.get("filename_or_obj", "") if isinstance(mask, MetaTensor) else ""
    return str(file).lower().endswith(".mat")
