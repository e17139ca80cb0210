# SPDX-License-Identifier: Apache-2.0
"""Gaussian noise, fixed per image or drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection

from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation, sigma_range
from monai_gradprom.transforms.degradation_dict import Degradationd, RandDegradationd

__all__ = ["GaussianDegradation", "GaussianDegradationd", "RandGaussianDegradation", "RandGaussianDegradationd"]


class GaussianDegradation(Degradation):
    """Additive white Gaussian noise: ``clip(x + sigma * n)``, n ~ N(0, 1) independent per pixel and channel.

    With clipping to [0, 1], as in ESTR, the noise is no longer of zero mean near black and white.

    Args:
        sigma: standard deviation on the [0, 1] scale, >= 0; 0 leaves the image as it is.
        clip: clamp the result to [0, 1].

    Raises:
        InputError: ``sigma`` is negative or not a number.
    """

    name = "gaussian"

    def __init__(self, sigma: float, clip: bool = True) -> None:
        self.sigma, _ = sigma_range(float(sigma) if isinstance(sigma, np.number) else sigma)
        self.clip = clip

    def parameters(self) -> dict[str, Any]:
        """``sigma`` and ``clip``."""
        return {"sigma": self.sigma, "clip": self.clip}

    def degrade(self, clean: torch.Tensor, random: np.random.RandomState) -> torch.Tensor:
        """Add the noise."""
        noise = torch.from_numpy(random.standard_normal(tuple(clean.shape)))
        return self.add(clean, self.sigma, noise.to(clean.device, clean.dtype))

    @staticmethod
    def add(clean: torch.Tensor, sigma: float | torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """``clean + sigma * noise``; all broadcast."""
        return clean + sigma * noise


class RandGaussianDegradation(RandDegradation):
    """Gaussian noise drawn anew at every call.

    Args:
        sigma: standard deviation on the [0, 1] scale, or a pair (low, high) to draw it from uniformly.
        clip: see :class:`GaussianDegradation`.
    """

    def __init__(self, sigma: float | Sequence[float], clip: bool = True) -> None:
        super().__init__(partial(GaussianDegradation, clip=clip), sigma)


class GaussianDegradationd(Degradationd):
    """Dictionary twin of :class:`GaussianDegradation`, whose noise belongs to the image.

    Args:
        keys: see :class:`Degradationd`, also for ``id_key``, ``seed`` and ``allow_missing_keys``.
        sigma: see :class:`GaussianDegradation`, also for ``clip``.
        clip: as there.
        id_key: as there.
        seed: as there.
        allow_missing_keys: as there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sigma: float,
        clip: bool = True,
        id_key: str = "id",
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, GaussianDegradation(sigma, clip), id_key, seed, allow_missing_keys)


class RandGaussianDegradationd(RandDegradationd):
    """Dictionary twin of :class:`RandGaussianDegradation`: one draw for all keys of an item.

    Args:
        keys: images to degrade.
        sigma: see :class:`RandGaussianDegradation`.
        clip: see :class:`GaussianDegradation`.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sigma: float | Sequence[float],
        clip: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandGaussianDegradation(sigma, clip), allow_missing_keys)
