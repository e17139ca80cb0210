# SPDX-License-Identifier: Apache-2.0
"""The vessel trees of the lungs, as an axial slice cuts them: branches in the plane and dots across it."""

from __future__ import annotations

import numpy as np

from .ct_shape import ChestShape
from .heart_shape import Array
from .strands import bezier, draw_discs
from .texture import smooth_field, smooth_step

__all__ = ["vessel_share"]


def vessel_share(
    chest: ChestShape, x: Array, y: Array, spacing: float, lungs: Array, rng: np.random.RandomState
) -> Array:
    """Share of each pixel that vessels fill.

    Args:
        chest: the anatomy.
        x: position of the pixels, mm, [height, width].
        y: position of the pixels, mm, [height, width].
        spacing: size of the pixels, mm.
        lungs: share of each pixel that lies in a lung.
        rng: source of the branching.

    Returns:
        float64 in [0, 1], [height, width], 0 outside the lungs.
    """
    origin = np.array([y[0, 0], x[0, 0]])
    places: list[Array] = []
    radii: list[Array] = []
    for side in (-1, 1):
        hilum = np.array([0.1 * chest.cavity[1], chest.midline(np.array(0.1 * chest.cavity[1]))[(side + 1) // 2]])
        for turn in np.linspace(-1.3, 1.3, 6) + rng.normal(0, 0.15, 6):
            outwards = turn if side > 0 else np.pi - turn
            reach = chest.cavity[0] * rng.uniform(0.16, 0.3)
            _branch(hilum, outwards, reach, rng.uniform(1.1, 2.6), places, radii, rng)
    dots = _crossings(chest, spacing, lungs, rng)
    centres = np.concatenate(places) - origin
    share = draw_discs(x.shape, centres / spacing, np.concatenate(radii) / spacing)
    # The slice is thin: away from the hilum vessels weave in and out of it.
    away = smooth_step(np.abs(x) / chest.cavity[0], 0.3, 0.75)
    share *= smooth_step(smooth_field(x.shape, 6 / spacing, rng) - 1.1 * away, -1.3, 0.1)
    share = np.maximum(share, draw_discs(x.shape, dots[0], dots[1] / spacing))
    return share * lungs


def _branch(
    start: Array,
    direction: float,
    length: float,
    radius: float,
    places: list[Array],
    radii: list[Array],
    rng: np.random.RandomState,
) -> None:
    """Add one vessel and, until they are too thin, the two that it divides into (Murray's law: r³ = r₁³ + r₂³)."""
    if radius < 0.4 or length < 4:
        return
    forward = np.array([np.sin(direction), np.cos(direction)])
    aside = np.array([forward[1], -forward[0]])
    end = start + forward * length
    path = bezier([start, (start + end) / 2 + aside * length * rng.normal(0, 0.12), end], step=0.7)
    places.append(path)
    radii.append(np.linspace(radius, 0.85 * radius, len(path)))
    share = rng.uniform(0.35, 0.65)
    for part, side in ((share, -1), (1 - share, 1)):
        # Many branches leave the plane: then only the other one goes on.
        if rng.uniform() < 0.86:
            thinner = 0.85 * radius * part ** (1 / 3)
            _branch(end, direction + side * rng.uniform(0.15, 0.6), length * rng.uniform(0.6, 0.9), thinner, places,
                    radii, rng)  # fmt: skip


def _crossings(chest: ChestShape, spacing: float, lungs: Array, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Vessels that cross the plane: (row, column) in pixels and radius in mm."""
    inside = np.argwhere(lungs > 0.9)
    if not len(inside):
        return np.empty((0, 2)), np.empty(0)
    count = int(len(inside) * spacing**2 / 150)  # one in 150 mm²
    centres = inside[rng.randint(0, len(inside), count)].astype(np.float64)
    return centres + rng.uniform(-0.5, 0.5, centres.shape), 0.35 + np.minimum(rng.exponential(0.5, count), 1.9)
