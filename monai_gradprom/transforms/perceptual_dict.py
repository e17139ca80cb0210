# SPDX-License-Identifier: Apache-2.0
"""Dictionary twins of the degradation of Deep Perceptual Enhancement."""

from __future__ import annotations

from monai.config import KeysCollection

from monai_gradprom.transforms.degradation_dict import Degradationd, RandDegradationd
from monai_gradprom.transforms.perceptual import (
    PAPER_FACTORS,
    PAPER_SIGMA,
    PerceptualDegradation,
    RandPerceptualDegradation,
    Range,
)

__all__ = ["PerceptualDegradationd", "RandPerceptualDegradationd"]


class PerceptualDegradationd(Degradationd):
    """Dictionary twin of :class:`PerceptualDegradation`, whose strengths and noise belong to the image.

    Args:
        keys: see :class:`Degradationd`, also for ``id_key``, ``seed`` and ``allow_missing_keys``.
        brightness: see :class:`PerceptualDegradation`, also for the four that follow.
        contrast: as there.
        sigma: as there.
        noise: as there.
        clip: as there.
        id_key: as there.
        seed: as there.
        allow_missing_keys: as there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        brightness: Range = PAPER_FACTORS,
        contrast: Range = PAPER_FACTORS,
        sigma: Range = PAPER_SIGMA,
        noise: str = "gaussian",
        clip: bool = True,
        id_key: str = "id",
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        degradation = PerceptualDegradation(brightness, contrast, sigma, noise, clip)
        super().__init__(keys, degradation, id_key, seed, allow_missing_keys)


class RandPerceptualDegradationd(RandDegradationd):
    """Dictionary twin of :class:`RandPerceptualDegradation`: one draw for all keys of an item.

    Args:
        keys: images to degrade.
        brightness: see :class:`PerceptualDegradation`, also for the four that follow.
        contrast: as there.
        sigma: as there.
        noise: as there.
        clip: as there.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        brightness: Range = PAPER_FACTORS,
        contrast: Range = PAPER_FACTORS,
        sigma: Range = PAPER_SIGMA,
        noise: str = "gaussian",
        clip: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandPerceptualDegradation(sigma, brightness, contrast, noise, clip), allow_missing_keys)
