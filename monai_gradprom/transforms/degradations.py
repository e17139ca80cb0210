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
from monai_gradprom.transforms.batch_degradation import BatchDegradation, DrawDegradationd
from monai_gradprom.transforms.challenge import ChallengeDegradation, RandChallengeDegradation
from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation
from monai_gradprom.transforms.degradation_dict import Degradationd, RandDegradationd
from monai_gradprom.transforms.downsample import DOWNSAMPLINGS, DownsampleDegradation
from monai_gradprom.transforms.gaussian import GaussianDegradation, RandGaussianDegradation
from monai_gradprom.transforms.perceptual import PAPER_FACTORS, PerceptualDegradation, RandPerceptualDegradation, Range
from monai_gradprom.transforms.speckle import RandSpeckleDegradation, SpeckleDegradation

__all__ = ["DEGRADATIONS", "get_batch_degradation", "get_degradation", "replay"]

_FIXED: dict[str, type[Degradation]] = {
    each.name: each
    for each in (
        GaussianDegradation,
        SpeckleDegradation,
        ChallengeDegradation,
        PerceptualDegradation,
        DownsampleDegradation,
    )
}
_RANDOM: dict[str, type[RandDegradation]] = {
    "gaussian": RandGaussianDegradation,
    "speckle": RandSpeckleDegradation,
    "challenge": RandChallengeDegradation,
    "perceptual": RandPerceptualDegradation,
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
    deferred: bool = False,
    brightness: Range = PAPER_FACTORS,
    contrast: Range = PAPER_FACTORS,
    noise: str = "gaussian",
) -> Transform:
    """The degradation called ``name``, as a dictionary transform.

    Args:
        name: ``"gaussian"``, ``"speckle"`` (gamma 0.5), ``"challenge"`` (the paper's mix), ``"perceptual"`` (dark, flat
            and noisy), ``"downsample"`` or ``"none"`` (pairs that are degraded already).
        keys: images to degrade.
        sigma: standard deviation on the [0, 1] scale (the Gaussian part's of the mix; unused by ``"downsample"``); a
            pair (low, high) only if ``random``, or of ``"perceptual"``.
        random: draw anew at every call (training); else fixed by each item's ``"id"`` (evaluation). Nothing about
            ``"downsample"`` is random.
        seed: of the fixed noise; unused if ``random`` (seed the pipeline instead).
        clip: clamp to [0, 1]; ``"downsample"`` always does.
        scale_factor: 2 or 4 for ``"downsample"``, 1 for the others, which keep the size.
        downsampling: ``"area"`` or ``"bicubic"``, see :class:`DownsampleDegradation`.
        deferred: with ``random``, only draw, and leave the rest to :func:`get_batch_degradation`.
        brightness: factor, or a pair (low, high), for ``"perceptual"``, see :class:`PerceptualDegradation`.
        contrast: likewise.
        noise: ``"gaussian"`` or ``"uniform"``, likewise.

    Raises:
        InputError: ``name``, ``downsampling`` or ``noise`` is unknown, ``sigma``, ``scale_factor``, ``brightness`` or
            ``contrast`` unusable.
    """
    check_choice("degradation", name, DEGRADATIONS)
    check_choice("downsampling", downsampling, DOWNSAMPLINGS)
    if name == "downsample":
        shrink = DownsampleDegradation(scale_factor, downsampling)
        return DrawDegradationd(keys, shrink) if random and deferred else Degradationd(keys, shrink)
    if scale_factor != 1:
        raise InputError(
            f"scale_factor is {scale_factor!r}, but degradation {name!r} keeps the size: "
            "set --degradation downsample for super-resolution, or --scale_factor 1."
        )
    if name == "none":
        return Identityd(keys)
    own = {"brightness": brightness, "contrast": contrast, "noise": noise} if name == "perceptual" else {}
    if random:
        drawn: RandDegradation = _RANDOM[name](sigma, clip=clip, **own)  # type: ignore[call-arg, arg-type]
        return DrawDegradationd(keys, drawn) if deferred else RandDegradationd(keys, drawn)
    if not isinstance(sigma, (int, float)) and name != "perceptual":
        raise InputError(f"noise sigma is {sigma!r}; noise that is fixed per image needs a single number.")
    return Degradationd(keys, _FIXED[name](sigma=sigma, clip=clip, **own), seed=seed)  # type: ignore[call-arg]


def get_batch_degradation(
    name: str = "gaussian",
    key: str = "image",
    clip: bool = True,
    scale_factor: int = 1,
    downsampling: str = "area",
    brightness: Range = PAPER_FACTORS,
    contrast: Range = PAPER_FACTORS,
    noise: str = "gaussian",
) -> BatchDegradation:
    """What degrades whole batches on the device after ``get_degradation(name, random=True, deferred=True)``.

    Args:
        name: as there, and so are the other arguments; ``"none"`` changes nothing.
        key: of the images in the batch.
        clip: clamp to [0, 1].
        scale_factor: of ``"downsample"``.
        downsampling: of ``"downsample"``.
        brightness: of ``"perceptual"``.
        contrast: of ``"perceptual"``.
        noise: of ``"perceptual"``.

    Raises:
        InputError: as there.
    """
    check_choice("degradation", name, DEGRADATIONS)
    if name == "none":
        return BatchDegradation(None, key)
    if name == "downsample":
        return BatchDegradation(DownsampleDegradation(scale_factor, downsampling), key)
    own = {"brightness": brightness, "contrast": contrast, "noise": noise} if name == "perceptual" else {}
    return BatchDegradation(_FIXED[name](clip=clip, sigma=0.0, **own), key)  # type: ignore[call-arg]
