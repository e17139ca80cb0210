# SPDX-License-Identifier: Apache-2.0
"""Files whose units can be had without double precision."""

from __future__ import annotations

from monai_gradprom.formats import StoredImage

__all__ = ["fits_single_precision"]


def fits_single_precision(image: StoredImage) -> bool:
    """Whether float32 holds every stored value and every unit of the file exactly, with no slope between them."""
    slope, intercept = image.rescale
    largest = max(map(abs, image.limits)) + abs(intercept)
    return image.dtype.kind in "ui" and slope == 1 and float(intercept).is_integer() and largest <= 2**24
