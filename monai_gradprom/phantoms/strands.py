# SPDX-License-Identifier: Apache-2.0
"""Drawing thin curved things without jagged edges: hairs, rulers, vessels, dots."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .heart_shape import Array

__all__ = ["bezier", "draw_discs", "polyline"]


def draw_discs(shape: tuple[int, int], centres: ArrayLike, radii: ArrayLike) -> Array:
    """Share of each pixel that discs cover; a row of close discs is a strand of that radius.

    Args:
        shape: (height, width).
        centres: (row, column) of each disc, pixels, [n, 2]; discs may lie partly or wholly outside.
        radii: radius of each disc, pixels, [n] or one number.

    Returns:
        float64 of `shape` in [0, 1]; the edge is one pixel wide, and overlapping discs do not add up.
    """
    centres = np.asarray(centres, np.float64).reshape(-1, 2)
    radii = np.broadcast_to(np.asarray(radii, np.float64), len(centres))
    coverage = np.zeros(shape)
    if not len(centres):
        return coverage
    reach = int(np.ceil(radii.max())) + 1
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"), -1).reshape(-1, 2)
    pixels = np.rint(centres).astype(int)[:, None] + offsets
    distance = np.hypot(*np.moveaxis(pixels - centres[:, None], -1, 0))
    covered = np.clip(radii[:, None] + 0.5 - distance, 0, 1)
    visible = (covered > 0) & (pixels >= 0).all(-1) & (pixels < shape).all(-1)
    np.maximum.at(coverage, tuple(pixels[visible].T), covered[visible])
    return coverage


def bezier(points: ArrayLike, step: float = 0.4) -> Array:
    """Points along the quadratic Bézier curve of three control points.

    Args:
        points: start, control point and end, [3, 2].
        step: largest distance of neighbouring points, in the units of `points`.

    Returns:
        float64 [n, 2], from start to end.
    """
    start, middle, end = np.asarray(points, np.float64)
    # The hull is at least as long as the curve, and the speed at most twice the longer of its two sides.
    fastest = 2 * max(np.linalg.norm(middle - start), np.linalg.norm(end - middle))
    t = np.linspace(0, 1, int(np.ceil(fastest / step)) + 2)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end


def polyline(points: ArrayLike, step: float = 0.4) -> Array:
    """Points along straight lines from corner to corner.

    Args:
        points: the corners, [n, 2] with n >= 2.
        step: largest distance of neighbouring points, in the units of `points`.

    Returns:
        float64 [m, 2], from the first corner to the last.
    """
    corners = np.asarray(points, np.float64)
    pieces = []
    for start, end in pairwise(corners):
        t = np.linspace(0, 1, int(np.ceil(np.linalg.norm(end - start) / step)) + 2)[:, None]
        pieces.append(start + t * (end - start))
    return np.concatenate(pieces)
