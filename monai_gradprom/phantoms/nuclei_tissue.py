# SPDX-License-Identifier: Apache-2.0
"""What lies around the nuclei of colon mucosa: wavy eosin-red fibres, clefts, and crypts with goblets and lumen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from .heart_shape import Array
from .nuclei_crypts import Crypt
from .texture import pixel_grid, smooth_field

__all__ = ["Tissue", "draw_tissue"]


@dataclass(frozen=True)
class Tissue:
    """Stain densities before any nucleus is drawn, and where nuclei may lie.

    Attributes:
        haematoxylin: optical density, float [rows, columns].
        eosin: the same.
        stroma: bool [rows, columns], outside of the crypts.
        direction: of the fibres, radians from the column axis towards the row axis, float [rows, columns].
    """

    haematoxylin: Array
    eosin: Array
    stroma: NDArray[np.bool_]
    direction: Array


def draw_tissue(rng: np.random.RandomState, shape: tuple[int, int], crypts: list[Crypt], density: float) -> Tissue:
    """Draw stroma, then the crypts over it.

    Args:
        rng: draws the texture.
        shape: (rows, columns).
        crypts: what to draw over the fibres.
        density: 0 for loose tissue with clefts to 1 for dense fibres.
    """
    bundles, fibres, direction = _fibres(rng, shape)
    grain, patches = smooth_field(shape, 0.8, rng), smooth_field(shape, 30, rng)
    eosin = 0.23 + 0.05 * bundles + 0.06 * fibres + 0.02 * grain + 0.05 * patches
    cleft = gaussian_filter(1.0 * (bundles + 0.7 * fibres + 0.7 * patches < -1.0 - 1.4 * density), 0.9)
    eosin = np.clip(eosin, 0.05, None) * (1 - 0.93 * cleft)
    haematoxylin = np.clip(0.11 + 0.03 * patches + 0.01 * grain + 0.03 * fibres, 0.01, None) * (1 - 0.9 * cleft)
    stroma = np.ones(shape, bool)
    for crypt in crypts:
        crypt.paint(haematoxylin, eosin, grain)
        stroma &= crypt.depth < -3
    return Tissue(haematoxylin, eosin, stroma, direction)


def _fibres(rng: np.random.RandomState, shape: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Coarse bundles and thin fibres along one wavy direction, and that direction."""
    turn = rng.uniform(0, np.pi)
    rows, columns = pixel_grid(shape)
    wave = 9 * smooth_field(shape, 38, rng) + 2.5 * smooth_field(shape, 8, rng)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn) + wave
    bundles, threads = (_stretched(along, across, scale, rng) for scale in (4.5, 1.3))
    # Thin lines where the noise crosses zero: fibres end sharply, as in a thin section.
    fibres = 2.2 * np.exp(-0.5 * (threads / 0.35) ** 2) - 0.75
    slope_row, slope_column = np.gradient(gaussian_filter(across, 4))
    return bundles, fibres, np.arctan2(-slope_column, slope_row)


def _stretched(along: Array, across: Array, scale: float, rng: np.random.RandomState) -> Array:
    """Noise that is smooth over `scale` pixels across and eight times as far along."""
    places = np.stack([across - across.min(), (along - along.min()) / 8])
    rows, columns = (int(place.max()) + 2 for place in places)
    return map_coordinates(smooth_field((rows, columns), scale, rng), places, order=1, mode="nearest")
