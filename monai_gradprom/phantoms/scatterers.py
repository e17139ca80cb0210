# SPDX-License-Identifier: Apache-2.0
"""The scatterers of a heart and its surroundings: where they lie at end diastole and how strongly each one echoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from .echo_anatomy import echogenicity
from .heart_shape import Array, HeartShape
from .scanner import Scanner
from .sector import Sector
from .speckle import ComplexArray, complex_gaussian

__all__ = ["Scatterers", "draw_scatterers"]

_BELOW = 30  # range samples below the grid from which tissue may move into it


@dataclass(frozen=True)
class Scatterers:
    """Point scatterers.

    Args:
        s: position along the heart's axis at end diastole, mm, shape [n].
        t: position across it, mm, shape [n].
        amplitude: complex strength in each look, shape [looks, n].
    """

    s: Array
    t: Array
    amplitude: ComplexArray


def draw_scatterers(shape: HeartShape, sector: Sector, scanner: Scanner, rng: np.random.RandomState) -> Scatterers:
    """Draw scatterers: one at a random place in each cell of the polar grid, with a complex Gaussian strength.

    Evenly spread in this way, the sum within any resolution cell is Gaussian of a steady variance, and speckle is fully
    developed at every depth with few scatterers; with independent places their number would fluctuate.

    Args:
        shape: the heart, which decides the mean strength at each place.
        sector: the field of view.
        scanner: number of looks, contrast and texture.
        rng: source of positions, phases and texture.
    """
    rows, columns = sector.grid_shape[0] + _BELOW, sector.grid_shape[1]
    cells = np.indices((rows, columns), dtype=np.float64).reshape(2, -1)
    row, column = cells + rng.uniform(0, 1, cells.shape)
    fine, coarse, shift_s, shift_t = (
        _smooth_field((rows, columns), scale, row, column, rng) for scale in ((2.6, 1.6), (40, 15), (10, 5), (10, 5))
    )
    angle = sector.angles()[0] + column * sector.beam_step
    radius = row * sector.range_step
    s, t = shape.to_heart(radius * np.sin(angle), radius * np.cos(angle))
    # Trabeculae: borders are ragged in the echo, while the masks keep the expert's smooth outline.
    level = scanner.contrast * echogenicity(shape, s + 1.2 * shift_s, t + 1.2 * shift_t)
    # Bounded, and weaker before the heart, where one fluctuation would span every beam.
    uneven = 0.65 * fine + 1.15 * 1.6 * np.tanh(coarse / 1.6)
    level += scanner.texture * uneven * np.clip(radius / 40, 0.3, 1)
    return Scatterers(s, t, 10 ** (level / 20) * complex_gaussian((scanner.looks, row.size), rng))


def _smooth_field(
    shape: tuple[int, int], scale: tuple[float, float], row: Array, column: Array, rng: np.random.RandomState
) -> Array:
    """A Gaussian random field of unit variance, smooth over `scale` samples and beams, at the given places."""
    field = gaussian_filter(rng.standard_normal(shape), scale, mode="nearest")
    return map_coordinates(field / field.std(), np.stack([row, column]), order=1, mode="nearest")
