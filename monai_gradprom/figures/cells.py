# SPDX-License-Identifier: Apache-2.0
"""One picture of a figure, and one row of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from monai.utils import convert_to_tensor
from torch.nn import functional as F

__all__ = ["Box", "Cell", "Row", "crop", "make_cell", "to_pixels"]

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels of the image."""

_LONGEST = 1000  # pixels kept of an image's longer side: more than a column of a page shows


@dataclass(frozen=True)
class Cell:
    """One picture, as :func:`make_cell` makes it: no larger than a page shows, however large the image.

    Attributes:
        title: heads the column.
        pixels: [H, W, 3] or [H, W].
        size: width and height of the image.
        caption: stands below the picture.
        box: a region that is outlined, and shown again below, enlarged.
        detail: that region's pixels.
        heat: [H, W], laid over the picture in colours.
    """

    title: str
    pixels: np.ndarray
    size: tuple[int, int]
    caption: str = ""
    box: Box | None = None
    detail: np.ndarray | None = None
    heat: np.ndarray | None = None


@dataclass(frozen=True)
class Row:
    """The pictures of one image, side by side.

    Attributes:
        name: stands at the left.
        cells: one per column.
        scale: what the colours of ``heat`` mean; they have one range for the whole row.
    """

    name: str
    cells: tuple[Cell, ...]
    scale: str = ""


def make_cell(
    title: str, image: torch.Tensor, caption: str = "", box: Box | None = None, heat: torch.Tensor | None = None
) -> Cell:
    """Make a picture of an image.

    Args:
        title: heads the column.
        image: [C, W, H] in [0, 1], MONAI's axis order; three channels are RGB, of any other number the first is shown.
        caption: stands below the picture.
        box: a region of the image to enlarge.
        heat: [W, H], laid over the picture in colours.
    """
    return Cell(
        title,
        to_pixels(image),
        (image.shape[1], image.shape[2]),
        caption,
        box,
        None if box is None else to_pixels(crop(image, box)),
        None if heat is None else _reduced(heat[None])[0].T.numpy(),
    )


def to_pixels(image: torch.Tensor) -> np.ndarray:
    """An image [C, W, H] in [0, 1] as one looks at it, its longer side bounded by averaging.

    Returns:
        float32 [H, W, 3] or [H, W], clipped to [0, 1].
    """
    plain = convert_to_tensor(image, dtype=torch.float32, track_meta=False).detach().cpu().clamp(0, 1)
    pixels = _reduced(plain if len(plain) == 3 else plain[:1]).permute(2, 1, 0).numpy()
    return pixels if pixels.shape[2] == 3 else pixels[..., 0]


def crop(image: torch.Tensor, box: Box) -> torch.Tensor:
    """The region ``box`` of an image [C, W, H]."""
    left, top, width, height = box
    return image[:, left : left + width, top : top + height]


def _reduced(image: torch.Tensor) -> torch.Tensor:
    longest = max(image.shape[1:])
    if longest <= _LONGEST:
        return image.clone()
    size = [max(1, round(side * _LONGEST / longest)) for side in image.shape[1:]]
    return F.interpolate(image[None], size=size, mode="area")[0]
