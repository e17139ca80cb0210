# SPDX-License-Identifier: Apache-2.0
"""Sides that divide by the factor of super-resolution."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import TransformBackends

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.naming import image_name, image_size

__all__ = ["CropToMultipled"]


class CropToMultipled(MapTransform):
    """Trim the far end of each spatial axis until its side is a multiple: super-resolution's usual "modulo crop".

    The origin stays, and with it the affine. At most ``multiple - 1`` pixels an axis are lost, for good: nothing is
    traced for ``Invertd``.

    Args:
        keys: images and masks [C, *spatial], trimmed alike.
        multiple: what each side must divide by; 1 trims nothing.
        allow_missing_keys: skip keys that an item lacks.

    Raises:
        InputError: ``multiple`` is no positive whole number.
    """

    backend = [TransformBackends.TORCH, TransformBackends.NUMPY]  # noqa: RUF012 - MONAI's own way

    def __init__(self, keys: KeysCollection, multiple: int, allow_missing_keys: bool = True) -> None:
        super().__init__(keys, allow_missing_keys)
        if not isinstance(multiple, int) or multiple < 1:
            raise InputError(f"multiple is {multiple!r}; give a whole number of pixels, 1 to trim nothing.")
        self.multiple = multiple

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Trim every key.

        Raises:
            InputError: an image is smaller than ``multiple``.
        """
        d = dict(data)
        for key in self.key_iterator(d):
            sides = d[key].shape[1:]
            if min(sides) < self.multiple:
                raise InputError(
                    f"{image_name(d[key])}: is {image_size(d[key])} pixels, less than the {self.multiple} that every "
                    "side must divide by; take it out of the data or choose a smaller scale_factor."
                )
            if any(n % self.multiple for n in sides):
                kept = (slice(None), *(slice(n - n % self.multiple) for n in sides))
                d[key] = d[key][kept]
        return d
