# SPDX-License-Identifier: Apache-2.0
"""Degradations in a dictionary pipeline: fixed per image for evaluation, drawn anew for training."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation
from monai_gradprom.transforms.random_streams import Reseeded

__all__ = ["Degradationd", "RandDegradationd", "stable_seed"]


def stable_seed(seed: int, name: str) -> int:
    """A 32-bit seed from (``seed``, ``name``), the same on every machine, unlike Python's salted ``hash``."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=4).digest(), "little")


class Degradationd(MapTransform):
    """A degradation that belongs to the image: always the same for one id, whatever order, worker, run or strategy.

    Args:
        keys: images to degrade, all with the same noise.
        degradation: what to do to each.
        id_key: key of the unique name that the noise is derived from; an item without one (MONAI Label makes such)
            falls back to the name of its file.
        seed: changes the noise of all images.
        allow_missing_keys: skip keys that an item lacks.
    """

    backend = Degradation.backend

    def __init__(
        self,
        keys: KeysCollection,
        degradation: Degradation,
        id_key: str = "id",
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.degradation = degradation
        self.id_key = id_key
        self.seed = seed

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Degrade every key.

        Raises:
            InputError: the item has neither ``id_key`` nor an image that knows its file.
        """
        d = dict(data)
        for key in self.key_iterator(d):
            seed = stable_seed(self.seed, self._name(d, d[key])) if self.degradation.seeded else 0
            d[key] = self.degradation(d[key], seed)
        return d

    def _name(self, item: Mapping[Hashable, Any], img: Any) -> str:
        meta = img.meta if isinstance(img, MetaTensor) else {}
        if self.id_key in item:
            return str(item[self.id_key])
        if "filename_or_obj" in meta:
            return f"{Path(str(meta['filename_or_obj'])).name}:{int(meta.get('frame', -1))}"
        raise InputError(f"An item has no {self.id_key!r}, which fixes its noise; add one to the data list.")


class RandDegradationd(Reseeded, MapTransform):
    """A degradation drawn anew at every call: one draw for all keys of an item.

    Args:
        keys: images to degrade.
        degradation: what to draw and do to each.
        allow_missing_keys: skip keys that an item lacks.
    """

    backend = Degradation.backend

    def __init__(self, keys: KeysCollection, degradation: RandDegradation, allow_missing_keys: bool = False) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.degradation = degradation

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandDegradationd:
        """Seed the draws, as everywhere in MONAI."""
        super().set_random_state(seed, state)
        self.degradation.set_random_state(seed, state)
        return self

    def randomize(self, data: Any = None) -> None:
        """Draw for the next item."""
        self.degradation.randomize()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Degrade every key with one draw."""
        d = dict(data)
        self.randomize()
        for key in self.key_iterator(d):
            d[key] = self.degradation(d[key], randomize=False)
        return d
