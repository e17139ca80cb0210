# SPDX-License-Identifier: Apache-2.0
"""Which of a mask's structures are classes of the recognition task."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import TransformBackends, ensure_tuple

from monai_gradprom.transforms.shared_pixels import with_meta_of

__all__ = ["SelectStructures", "SelectStructuresd"]


class SelectStructures(Transform):
    """Renumber a mask: the i-th chosen entry becomes class i (from 1), everything else background 0.

    Args:
        structures: values in the mask, such as ``[1]`` for CAMUS's endocardium or ``[1, 2, 3]`` for all its structures.
            An entry that is itself a list merges its values into one class: ``[1, [2, 3]]`` are two classes. No value
            should stand twice.
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012 - as in every MONAI transform

    def __init__(self, structures: Sequence[int | Sequence[int]]) -> None:
        self.structures = [[int(value) for value in ensure_tuple(entry)] for entry in structures]

    def __call__(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the mask as uint8, of the same shape [1, *spatial]; metadata are kept."""
        plain = mask.as_subclass(torch.Tensor)
        classes = torch.zeros_like(plain, dtype=torch.uint8)
        for number, values in enumerate(self.structures, start=1):
            for value in values:
                classes[plain == value] = number
        return with_meta_of(mask, classes)


class SelectStructuresd(MapTransform):
    """Dictionary twin of :class:`SelectStructures`.

    Args:
        keys: masks.
        structures: as there.
        allow_missing_keys: skip keys that an item lacks.
    """

    backend = SelectStructures.backend

    def __init__(
        self, keys: KeysCollection, structures: Sequence[int | Sequence[int]], allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.select = SelectStructures(structures)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Renumber each mask."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.select(d[key])
        return d
