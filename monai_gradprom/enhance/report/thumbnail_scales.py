# SPDX-License-Identifier: Apache-2.0
"""How values become grey levels and colours in a thumbnail."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monai_gradprom.formats.stored import StoredImage
from monai_gradprom.formats.window import own_window, values_range

__all__ = ["DARKER", "LIGHTER", "difference_scale", "grey_range", "palette"]

DARKER, LIGHTER = (70, 160, 255), (255, 150, 40)
"""Colours of the largest shown fall and rise of a value; no change is black, as ultrasound is around the sector."""


def grey_range(image: StoredImage, frame: NDArray[np.floating], mask: NDArray[np.bool_]) -> tuple[float, float]:
    """What is shown black and white, in modality units.

    Args:
        image: the source: its window; else all values it can hold, where viewers show those.
        frame: [channels, columns, rows], stored values; what is left decides by its smallest and largest value, padding
            and what is not a number excluded.
        mask: the pixels of ``frame`` that will be shown.
    """
    low, high = image.window or own_window(image) or values_range(image, [frame[:, mask]])
    return (low, high) if high > low else (low, low + 1)


def difference_scale(change: NDArray[np.floating]) -> float:
    """The next 1, 2 or 5 times a power of ten above most (98 %) of the changes; 0 where nothing changed."""
    size = np.abs(change[np.isfinite(change)])
    if not size.size or not size.max() > 0:
        return 0.0
    typical = float(np.quantile(size, 0.98)) or float(size.max())
    power = 10.0 ** math.floor(math.log10(typical))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= 0.999999 * typical)


def palette() -> list[int]:
    """768 numbers: red, green and blue of 256 steps from ``DARKER`` over black (128) to ``LIGHTER``."""
    colours = []
    for step in range(-128, 128):
        share = min(abs(step) / 127, 1.0)
        colours += [round(share * part) for part in (DARKER if step < 0 else LIGHTER)]
    return colours
