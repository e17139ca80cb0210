# SPDX-License-Identifier: Apache-2.0
"""Which intensities a network should see as [0, 1]."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from monai_gradprom.formats.stored import StoredImage

__all__ = ["own_window", "pixel_range", "shows_whole_range", "values_range"]

# a viewer asks for nothing here: these files show the whole range of their values
_WHOLE_RANGE = ("PNG", "TIFF", "JPEG", "BMP")


def own_window(image: StoredImage) -> tuple[float, float] | None:
    """The window that the file's header tells, in modality units.

    The whole range of what can be stored where :func:`shows_whole_range`: for at most 8 bits, and for PNG and TIFF of
    16; else the window that the file asks viewers to show.

    Returns:
        (low, high), or None where only the pixels can tell: see :func:`pixel_range`.
    """
    return _in_units(image, *image.limits) if shows_whole_range(image) else image.window


def shows_whole_range(image: StoredImage) -> bool:
    """Whether viewers show such a file from the lowest to the highest value that it can hold.

    Whole numbers of 32 bits and more (TIFF) are counts or labels, of which no image fills the range.
    """
    low, high = image.limits
    return image.dtype.kind in "ui" and high - low <= (65535 if image.format in _WHOLE_RANGE else 255)


def pixel_range(image: StoredImage, batch: int = 4) -> tuple[float, float]:
    """Smallest and largest value of all frames in modality units, padding and non-finite values left out.

    Floating-point files other than DICOM whose values lie in [0, 1] already are what networks take, and give (0, 1).

    Args:
        image: whose pixels are read.
        batch: frames that are in memory at once.

    Raises:
        InputError: the pixels cannot be read.
    """
    starts = range(0, image.frames, batch)
    return values_range(image, (image.read(start, min(start + batch, image.frames)) for start in starts))


def values_range(image: StoredImage, parts: Iterable[np.ndarray]) -> tuple[float, float]:
    """As :func:`pixel_range`, of pixels that have been read already.

    Args:
        image: where they come from.
        parts: stored values, any shapes.
    """
    lows, highs = [], []
    for values in parts:
        if image.padding is not None:
            values = values[(values < image.padding[0]) | (values > image.padding[1])]
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if values.size:
            lows.append(values.min().item())
            highs.append(values.max().item())
    if not lows:
        return _in_units(image, 0.0, 1.0)
    if image.dtype.kind == "f" and image.format != "DICOM" and min(lows) >= 0 and max(highs) <= 1:
        return _in_units(image, 0.0, 1.0)
    return _in_units(image, min(lows), max(highs))


def _in_units(image: StoredImage, low: float, high: float) -> tuple[float, float]:
    slope, intercept = image.rescale
    first, last = sorted((slope * low + intercept, slope * high + intercept))
    return first, last if last > first else first + 1.0
