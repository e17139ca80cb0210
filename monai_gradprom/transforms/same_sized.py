# SPDX-License-Identifier: Apache-2.0
"""Refusing pairs whose pixels do not correspond."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.naming import image_name, image_size

__all__ = ["EnsureSameSized"]


class EnsureSameSized(MapTransform):
    """Check that images and masks have the size of a reference; nothing is changed.

    It belongs right after loading, before anything that changes the size.

    Args:
        keys: what to check, [C, *spatial]; keys that an item lacks pass.
        reference: key of the image whose spatial shape counts; an item that lacks it passes.
    """

    def __init__(self, keys: KeysCollection, reference: str = "label") -> None:
        super().__init__(keys, allow_missing_keys=True)
        self.reference = reference

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return ``data`` as it is.

        Raises:
            InputError: a size differs from the reference's.
        """
        d = dict(data)
        if self.reference not in d:
            return d
        wanted = d[self.reference]
        for key in self.key_iterator(d):
            if d[key].shape[1:] != wanted.shape[1:]:
                raise InputError(
                    f"{image_name(d[key], 'An item')}: its {key} is {image_size(d[key])} pixels, but its "
                    f"{self.reference} ({image_name(wanted, 'no file')}) is {image_size(wanted)}; "
                    "resample one to the size of the other, or take the pair out of the data."
                )
        return d
