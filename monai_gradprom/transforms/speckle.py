# SPDX-License-Identifier: Apache-2.0
"""Speckle noise, whose strength follows the intensity, fixed per image or drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection

from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation, check_positive, sigma_range
from monai_gradprom.transforms.degradation_dict import Degradationd, RandDegradationd

__all__ = ["RandSpeckleDegradation", "RandSpeckleDegradationd", "SpeckleDegradation", "SpeckleDegradationd"]


class SpeckleDegradation(Degradation):
    """Intensity-dependent noise: ``clip(x + x**gamma * sigma * n)``, n ~ N(0, 1) independent per pixel and channel.

    ``gamma`` 0.5 (standard deviation as the root of the intensity) is the usual model of displayed, that is
    log-compressed, B-mode ultrasound: Loupas, McDicken and Allan, IEEE Trans. Circuits Syst. 36(1):129-135, 1989;
    Coupé et al., IEEE Trans. Image Process. 18(10):2221-2229, 2009. ``gamma`` 1 is fully multiplicative, as in
    scikit-image's ``random_noise(mode="speckle")``; ``gamma`` 0 is :class:`GaussianDegradation`. Black stays black
    for any ``gamma`` above 0. Real speckle is also correlated between neighbours; this noise is white.

    Args:
        sigma: standard deviation at intensity 1, on the [0, 1] scale, >= 0; 0 leaves the image as it is.
        gamma: exponent, >= 0.
        clip: clamp the result to [0, 1].

    Raises:
        InputError: ``sigma`` or ``gamma`` is negative or not a number.
    """

    name = "speckle"

    def __init__(self, sigma: float, gamma: float = 0.5, clip: bool = True) -> None:
        self.sigma, _ = sigma_range(float(sigma) if isinstance(sigma, np.number) else sigma)
        self.gamma = check_positive("speckle gamma", gamma, zero=True)
        self.clip = clip

    def parameters(self) -> dict[str, Any]:
        """``sigma``, ``gamma`` and ``clip``."""
        return {"sigma": self.sigma, "gamma": self.gamma, "clip": self.clip}

    def degrade(self, clean: torch.Tensor, random: np.random.RandomState) -> torch.Tensor:
        """Add the noise."""
        noise = torch.from_numpy(random.standard_normal(tuple(clean.shape))).to(clean.device, clean.dtype)
        return self.add(clean, self.sigma, noise)

    def add(self, clean: torch.Tensor, sigma: float | torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """``clean + clean**gamma * sigma * noise``; all broadcast."""
        # what lies below 0 has no root; it counts as black
        return clean + clean.clamp_min(0).pow(self.gamma) * sigma * noise


class RandSpeckleDegradation(RandDegradation):
    """Speckle noise drawn anew at every call.

    Args:
        sigma: standard deviation at intensity 1, or a pair (low, high) to draw it from uniformly.
        gamma: see :class:`SpeckleDegradation`.
        clip: see :class:`SpeckleDegradation`.
    """

    def __init__(self, sigma: float | Sequence[float], gamma: float = 0.5, clip: bool = True) -> None:
        super().__init__(partial(SpeckleDegradation, gamma=gamma, clip=clip), sigma)


class SpeckleDegradationd(Degradationd):
    """Dictionary twin of :class:`SpeckleDegradation`, whose noise belongs to the image.

    Args:
        keys: see :class:`Degradationd`, also for ``id_key``, ``seed`` and ``allow_missing_keys``.
        sigma: see :class:`SpeckleDegradation`, also for ``gamma`` and ``clip``.
        gamma: as there.
        clip: as there.
        id_key: as there.
        seed: as there.
        allow_missing_keys: as there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sigma: float,
        gamma: float = 0.5,
        clip: bool = True,
        id_key: str = "id",
        seed: int = 0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, SpeckleDegradation(sigma, gamma, clip), id_key, seed, allow_missing_keys)


class RandSpeckleDegradationd(RandDegradationd):
    """Dictionary twin of :class:`RandSpeckleDegradation`: one draw for all keys of an item.

    Args:
        keys: images to degrade.
        sigma: see :class:`RandSpeckleDegradation`.
        gamma: see :class:`SpeckleDegradation`.
        clip: see :class:`SpeckleDegradation`.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        sigma: float | Sequence[float],
        gamma: float = 0.5,
        clip: bool = True,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, RandSpeckleDegradation(sigma, gamma, clip), allow_missing_keys)
