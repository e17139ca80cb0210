# SPDX-License-Identifier: Apache-2.0
"""The augmentation of the GradProm paper: flips, small rotations, centre crops."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import (
    CastToTyped,
    CenterScaleCrop,
    CenterSpatialCropd,
    Compose,
    MapTransform,
    RandFlipd,
    Randomizable,
    RandRotated,
    RandSpatialCropd,
    SpatialPadd,
)
from monai.utils import ensure_tuple

from monai_gradprom.choices import check_choice
from monai_gradprom.transforms.resizing import SmoothResized

__all__ = ["RandCenterScaleCropd", "paper_augmentation"]

_MAX_DEGREES = 10


class RandCenterScaleCropd(Randomizable, MapTransform):
    """Crop the centre at a random scale, the same along every axis, so that anatomy keeps its proportions.

    :class:`monai.transforms.RandScaleCropd` draws each axis on its own.

    Args:
        keys: images and masks, cropped alike.
        min_scale: smallest share of each side that is kept, in (0, 1].
        max_scale: largest share.
        allow_missing_keys: skip keys that an item lacks.
    """

    backend = CenterScaleCrop.backend

    def __init__(
        self, keys: KeysCollection, min_scale: float = 0.5, max_scale: float = 1.0, allow_missing_keys: bool = False
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.min_scale, self.max_scale = min_scale, max_scale
        self.scale = max_scale

    def randomize(self, data: Any = None) -> None:
        """Draw the scale."""
        self.scale = float(self.R.uniform(self.min_scale, self.max_scale))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Crop every key at one drawn scale."""
        d = dict(data)
        self.randomize()
        crop = CenterScaleCrop(self.scale)
        for key in self.key_iterator(d):
            d[key] = crop(d[key])
        return d


def paper_augmentation(
    keys: KeysCollection,
    mask_keys: KeysCollection = (),
    image_size: int | Sequence[int] = 256,
    crop: str = "scale",
) -> Compose:
    """Flips along both axes (each p = 0.5), rotation by up to 10 degrees either way, and a crop, alike on all keys.

    It belongs before the degradation: applied after, the interpolation would smooth the noise away.

    Args:
        keys: images [C, W, H], floating point; interpolated linearly, empty corners are 0.
        mask_keys: integer masks [1, W, H]; nearest neighbour, returned as uint8. An item may lack them.
        image_size: side or (width, height) of the result, pixels.
        crop: ``"scale"`` crops the centre at 50 to 100 % of both sides and resizes that to ``image_size`` (with an
            anti-aliasing filter where it shrinks): the paper's. ``"patch"`` cuts a random patch at native resolution,
            padded with 0 where the frame is smaller; it leaves the noise and speckle statistics of the frame alone.

    Returns:
        A random MONAI ``Compose`` for dictionaries; all outputs have the spatial shape ``image_size``.

    Raises:
        InputError: ``crop`` is unknown.
    """
    check_choice("crop", crop, ["scale", "patch"])
    images, masks = ensure_tuple(keys), ensure_tuple(mask_keys)
    both = (*images, *masks)
    size = (int(image_size),) * 2 if isinstance(image_size, (int, float)) else tuple(int(n) for n in image_size)
    modes = ("bilinear",) * len(images) + ("nearest",) * len(masks)
    geometry: list[Any] = [RandFlipd(both, prob=0.5, spatial_axis=axis, allow_missing_keys=True) for axis in (0, 1)]
    rotate = RandRotated(
        both, math.radians(_MAX_DEGREES), prob=1.0, mode=modes, padding_mode="zeros", allow_missing_keys=True
    )
    if crop == "scale":
        scale = RandCenterScaleCropd(both, allow_missing_keys=True)
        geometry += [rotate, scale, SmoothResized(images, size, mask_keys=masks)]
    else:
        # only what the rotated patch can reach is rotated: the rest of a large frame would cost ten times as much
        reach = _reach(size)
        geometry += [
            SpatialPadd(both, reach, mode="constant", allow_missing_keys=True),
            RandSpatialCropd(both, reach, random_size=False, allow_missing_keys=True),
            rotate,
            CenterSpatialCropd(both, size, allow_missing_keys=True),
        ]
    if masks:
        geometry.append(CastToTyped(masks, dtype=np.uint8, allow_missing_keys=True))
    return Compose(geometry)


def _reach(size: Sequence[int]) -> list[int]:
    """Sides of the box that holds a patch of ``size`` under any rotation drawn here, of the same parity as ``size``."""
    cosine, sine = (f(math.radians(_MAX_DEGREES)) for f in (math.cos, math.sin))
    sides = [math.ceil(a * cosine + b * sine) for a, b in zip(size, reversed(size), strict=True)]
    return [side + (side - n) % 2 for side, n in zip(sides, size, strict=True)]
