# SPDX-License-Identifier: Apache-2.0
"""One picture of a figure, and one row of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from monai_gradprom.handlers.pixels import reduced, to_pixels

__all__ = ["Box", "Cell", "Row", "crop", "make_cell"]

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels of the image."""


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
        None if heat is None else reduced(heat[None])[0].T.numpy(),
    )


def crop(image: torch.Tensor, box: Box) -> torch.Tensor:
    """The region ``box`` of an image [C, W, H]."""
    left, top, width, height = box
    return image[:, left : left + width, top : top + height]
