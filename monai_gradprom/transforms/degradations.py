# SPDX-License-Identifier: Apache-2.0
"""Degradations by name, and their replay from the record that they leave in ``meta["degradation"]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import Identityd, Transform

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.transforms.gaussian import GaussianDegradation
from monai_gradprom.transforms.gaussian_dict import GaussianDegradationd, RandGaussianDegradationd

__all__ = ["get_degradation", "replay"]


def replay(clean: torch.Tensor | np.ndarray, record: Mapping[str, Any]) -> torch.Tensor:
    """Degrade ``clean`` again exactly as ``record`` says.

    Args:
        clean: the image before degradation.
        record: ``meta["degradation"]`` of the degraded image.

    Returns:
        The identical degraded image.

    Raises:
        InputError: the record is of an unknown degradation.
    """
    check_choice("degradation", record["degradation"], ["gaussian"])
    return GaussianDegradation(float(record["sigma"]), bool(record["clip"]))(clean, int(record["seed"]))


def get_degradation(
    name: str = "gaussian",
    keys: KeysCollection = "image",
    sigma: float | Sequence[float] = 0.1,
    random: bool = False,
    seed: int = 0,
    clip: bool = True,
) -> Transform:
    """The degradation called ``name``, as a dictionary transform.

    Args:
        name: ``"gaussian"`` or ``"none"``.
        keys: images to degrade.
        sigma: standard deviation on the [0, 1] scale; a pair (low, high) only if ``random``.
        random: draw anew at every call (training); else fixed by each item's ``"id"`` (evaluation).
        seed: of the fixed noise; unused if ``random`` (seed the pipeline instead).
        clip: clamp to [0, 1].

    Raises:
        InputError: ``name`` is unknown or ``sigma`` unusable.
    """
    if check_choice("degradation", name, ["gaussian", "none"]) == "none":
        return Identityd(keys)
    if random:
        return RandGaussianDegradationd(keys, sigma, clip)
    if not isinstance(sigma, (int, float)):
        raise InputError(f"noise sigma is {sigma!r}; noise that is fixed per image needs a single number.")
    return GaussianDegradationd(keys, sigma, clip, seed=seed)
