# SPDX-License-Identifier: Apache-2.0
"""The field of view of sector ultrasound: where a metric should look."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import TransformBackends, convert_to_numpy
from scipy import ndimage
from skimage.morphology import convex_hull_image

__all__ = ["SectorMaskd", "sector_mask"]

# with less than this share of dark surround there is no sector to find
_MIN_SURROUND = 0.02


def sector_mask(img: torch.Tensor | np.ndarray, threshold: float = 0.0) -> np.ndarray:
    """The ultrasound field of view: the convex hull of the largest connected set of pixels above ``threshold``.

    Letters, scales and ECG traces beside the sector are smaller sets and stay out; dark cavities inside stay in.
    Use the clean image: noise lights up the surround.

    Args:
        img: [W, H] or [C, W, H]; with channels, a pixel counts if any channel is above.
        threshold: in the image's own units; raise it where compression has left traces in the surround.

    Returns:
        bool [W, H]. All true when less than 2 % of the frame lie outside the hull (no dark surround), and for an empty
        image.
    """
    array = convert_to_numpy(img)
    bright = (array > threshold).any(axis=0) if array.ndim == 3 else array > threshold
    components, count = ndimage.label(bright, structure=np.ones((3, 3)))
    if count == 0:
        return np.ones(bright.shape, dtype=bool)
    sizes = np.bincount(components.ravel())
    hull = convex_hull_image(components == 1 + sizes[1:].argmax())
    return np.ones_like(hull) if hull.mean() > 1 - _MIN_SURROUND else hull


class SectorMaskd(MapTransform):
    """Store the field of view of an image under another key.

    Args:
        keys: one clean image [C, W, H].
        output_key: where the mask goes: uint8 [1, W, H], 1 inside, with the image's geometry.
        threshold: see :func:`sector_mask`.
        allow_missing_keys: skip items that lack the image.
    """

    backend = [TransformBackends.NUMPY]  # noqa: RUF012 - MONAI's own way

    def __init__(
        self,
        keys: KeysCollection = "label",
        output_key: str = "sector",
        threshold: float = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_key = output_key
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the mask of the image to the item."""
        d = dict(data)
        for key in self.key_iterator(d):
            mask = torch.from_numpy(sector_mask(d[key], self.threshold)[None].astype(np.uint8))
            d[self.output_key] = MetaTensor(mask).copy_meta_from(d[key]) if isinstance(d[key], MetaTensor) else mask
        return d
