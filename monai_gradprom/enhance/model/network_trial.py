# SPDX-License-Identifier: Apache-2.0
"""What a network does to an image, found by giving it one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from monai_gradprom.enhance.pixels.domain import Domain
from monai_gradprom.enhance.pixels.sides import typical_side
from monai_gradprom.errors import InputError
from monai_gradprom.inferers.padded import enlargement

from .frame_transforms import FrameTransforms

__all__ = ["channels_that_work", "enlargement_of", "trial_images"]

_SIDES = {2: (64, 64), 3: (32, 32, 32)}  # pixels; enough for five halvings
_OTHER_SIDES = {2: (48, 56), 3: (24, 28, 20)}


def channels_that_work(domain: Domain, attempt: Callable[[torch.Tensor], None]) -> list[int]:
    """Which of 1 and 3 channels the network takes, among those that the metadata allow.

    Args:
        domain: the bundle's.
        attempt: enhances an image [C, *spatial] with values from 0 to 1, or raises InputError.

    Raises:
        InputError: neither.
    """
    stated = domain.channels
    allowed = [channels for channels in (1, 3) if stated in (None, channels)]
    problem = InputError(f"its network takes {stated} channels, files of images have 1 or 3")
    worked = []
    for channels in allowed:
        try:
            attempt(_ramp(domain, channels, _SIDES[domain.spatial_dims]))
            worked.append(channels)
        except InputError as error:
            problem = error
    if not worked:
        raise InputError(f"the bundle cannot enhance images: {problem}") from problem
    return worked


def trial_images(domain: Domain, channels: Sequence[int]) -> list[torch.Tensor]:
    """Images as :func:`channels_that_work` tries them, for each of ``channels`` two, of different sides if may be."""
    return [_ramp(domain, count, sides[domain.spatial_dims]) for count in channels for sides in (_SIDES, _OTHER_SIDES)]


def _ramp(domain: Domain, channels: int, wanted: Sequence[int]) -> torch.Tensor:
    """From 0 to 1, [channels, *spatial], with sides that the metadata allow: ``wanted`` or a little more."""
    sides = domain.spatial_shape or ("*",) * domain.spatial_dims
    shape = [typical_side(side, length) for side, length in zip(sides, wanted, strict=True)]
    return torch.linspace(0, 1, channels * math.prod(shape)).reshape(channels, *shape)


def enlargement_of(
    predict: Callable[[torch.Tensor], torch.Tensor], transforms: FrameTransforms, image: torch.Tensor
) -> int:
    """The factor by which a network enlarges ``image`` [C, *spatial].

    Raises:
        InputError: it fails, or makes something else than an image of as many channels and a whole multiple of pixels.
    """
    try:
        given = transforms.prepare(image, (0.0, 1.0)).image[None]
        made = predict(given)
    except (RuntimeError, ValueError, TypeError, LookupError) as error:
        if isinstance(error, InputError):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise InputError(f"its network cannot be applied to {list(image.shape)} ({text})") from error
    if made.ndim != given.ndim or made.shape[1] != given.shape[1]:
        raise InputError(f"its network makes {list(made.shape[1:])} of {list(given.shape[1:])}")
    return enlargement(given, made)
