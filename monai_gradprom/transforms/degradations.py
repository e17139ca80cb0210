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
from monai_gradprom.transforms.challenge import ChallengeDegradation, RandChallengeDegradation
from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation
from monai_gradprom.transforms.degradation_dict import Degradationd, RandDegradationd
from monai_gradprom.transforms.downsample import DOWNSAMPLINGS, DownsampleDegradation
from monai_gradprom.transforms.gaussian import GaussianDegradation, RandGaussianDegradation
from monai_gradprom.transforms.speckle import RandSpeckleDegradation, SpeckleDegradation

__all__ = ["DEGRADATIONS", "get_degradation", "replay"]

_FIXED: dict[str, type[Degradation]] = {
    each.name: each for each in (GaussianDegradation, SpeckleDegradation, ChallengeDegradation, DownsampleDegradation)
}
_RANDOM: dict[str, type[RandDegradation]] = {
    "gaussian": RandGaussianDegradation,
    "speckle": RandSpeckleDegradation,
    "challenge": RandChallengeDegradation,
}

DEGRADATIONS = (*_FIXED, "none")


def replay(clean: torch.Tensor | np.ndarray, record: Mapping[str, Any]) -> torch.Tensor:
    """Degrade ``clean`` again exactly as ``record`` says.

    Args:
        clean: the image before degradation.
        record: ``meta["degradation"]`` of the degraded image; a collated one counts too.

    Returns:
        The identical degraded image.

    Raises:
        InputError: the record is of an unknown degradation.
    """
    # collating and decollating a batch may leave numbers as arrays without axes
    options = {key: value.item() if hasattr(value, "item") else value for key, value in record.items()}
    name = check_choice("degradation", options.pop("degradation"), _FIXED)
    seed = options.pop("seed", 0)
    return _FIXED[name](**options)(clean, seed)


def get_degradation(
    name: str = "gaussian",
    keys: KeysCollection = "image",
    sigma: float | Sequence[float] = 0.1,
    random: bool = False,
    seed: int = 0,
    clip: bool = True,
    scale_factor: int = 1,
    downsampling: str = "area",
) -> Transform:
    """The degradation called ``name``, as a dictionary transform.

    Args:
        name: ``"gaussian"``, ``"speckle"`` (gamma 0.5), ``"challenge"`` (the paper's mix), ``"downsample"`` or
            ``"none"`` (pairs that are degraded already).
        keys: images to degrade.
        sigma: standard deviation on the [0, 1] scale (the Gaussian part's of the mix; unused by ``"downsample"``); a
            pair (low, high) only if ``random``.
        random: draw anew at every call (training); else fixed by each item's ``"id"`` (evaluation). Nothing about
            ``"downsample"`` is random.
        seed: of the fixed noise; unused if ``random`` (seed the pipeline instead).
        clip: clamp to [0, 1]; ``"downsample"`` always does.
        scale_factor: 2 or 4 for ``"downsample"``, 1 for the others, which keep the size.
        downsampling: ``"area"`` or ``"bicubic"``, see :class:`DownsampleDegradation`.

    Raises:
        InputError: ``name`` or ``downsampling`` is unknown, ``sigma`` or ``scale_factor`` unusable.
    """
    check_choice("degradation", name, DEGRADATIONS)
    check_choice("downsampling", downsampling, DOWNSAMPLINGS)
    if name == "downsample":
        return Degradationd(keys, DownsampleDegradation(scale_factor, downsampling))
    if scale_factor != 1:
        raise InputError(
            f"scale_factor is {scale_factor!r}, but degradation {name!r} keeps the size: "
            "set --degradation downsample for super-resolution, or --scale_factor 1."
        )
    if name == "none":
        return Identityd(keys)
    if random:
        return RandDegradationd(keys, _RANDOM[name](sigma, clip=clip))  # type: ignore[call-arg, arg-type]
    if not isinstance(sigma, (int, float)):
        raise InputError(f"noise sigma is {sigma!r}; noise that is fixed per image needs a single number.")
    return Degradationd(keys, _FIXED[name](sigma, clip=clip), seed=seed)  # type: ignore[call-arg]
