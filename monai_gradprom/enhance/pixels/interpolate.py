# SPDX-License-Identifier: Apache-2.0
"""A source image on the grid of its super-resolved result, for whatever a network may not change."""

from __future__ import annotations

import numpy as np

__all__ = ["enlarge_cubic", "enlarge_nearest", "without_gaps"]

_A = -0.5  # Keys' cubic convolution (1981), as in Pillow; it reproduces parabolas


def enlarge_cubic(array: np.ndarray, factor: int) -> np.ndarray:
    """Bicubic (tricubic) interpolation, aligned on the corners of the outermost pixels.

    Pillow computes this in single precision and for two axes only, SciPy's ``zoom`` fits splines, which ring further:
    hence these few lines. Beyond its border an image goes on as it ends.

    Args:
        array: [C, *spatial], any number of spatial axes.
        factor: how many pixels each becomes along every spatial axis.

    Returns:
        float64, [C, *(factor * spatial)].
    """
    out = array.astype(np.float64)
    for axis in range(1, array.ndim):
        out = _enlarge_axis(out, factor, axis)
    return out


def enlarge_nearest(array: np.ndarray, factor: int) -> np.ndarray:
    """[C, *spatial] -> [C, *(factor * spatial)]: each pixel repeated."""
    for axis in range(1, array.ndim):
        array = np.repeat(array, factor, axis)
    return array


def without_gaps(array: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Fill pixels without a value by the nearest that has one, so that interpolation beside them stays sound.

    Args:
        array: [C, *spatial].
        gaps: bool, of the same shape.

    Returns:
        ``array`` itself where there is no gap; else a filled copy, with zeros in a channel that is nothing but gaps.
    """
    if not gaps.any():
        return array
    from scipy import ndimage  # worker processes start faster without

    filled = array.copy()
    for channel, holes in zip(filled, gaps, strict=True):
        if holes.all():
            channel[...] = 0
        elif holes.any():
            nearest = ndimage.distance_transform_edt(holes, return_distances=False, return_indices=True)
            channel[...] = channel[tuple(nearest)]
    return filled


def _enlarge_axis(array: np.ndarray, factor: int, axis: int) -> np.ndarray:
    widths = [(0, 0)] * array.ndim
    widths[axis] = (2, 2)
    # one copy with the axis in front: every tap and phase is then a slice of it
    padded = np.moveaxis(np.pad(array, widths, mode="edge"), axis, 0)
    length = array.shape[axis]
    out = np.empty((length * factor, *padded.shape[1:]))
    for phase in range(factor):
        place = (phase + 0.5) / factor - 0.5  # of the new pixel's centre, relative to its source pixel's
        first = -1 if place >= 0 else -2
        out[phase::factor] = sum(
            _weight(place - tap) * padded[2 + tap : 2 + tap + length] for tap in range(first, first + 4)
        )
    return np.moveaxis(out, 0, axis)


def _weight(distance: float) -> float:
    d = abs(distance)
    if d < 1:
        return ((_A + 2) * d - (_A + 3)) * d * d + 1
    return (((d - 5) * d + 8) * d - 4) * _A if d < 2 else 0.0
