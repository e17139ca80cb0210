# SPDX-License-Identifier: Apache-2.0
"""What disease adds to a lung: ground glass and consolidation near the pleura (COVID-19), or one nodule.

Bilateral, peripheral and dorsal ground glass with or without consolidation and reticulation is the typical pattern
of COVID-19 pneumonia (Simpson et al., RSNA expert consensus, Radiology: Cardiothoracic Imaging 2020).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from .heart_shape import Array
from .texture import cell_walls, pixel_grid, power_field, smooth_field, smooth_step

__all__ = ["nodule", "pneumonia"]


def pneumonia(lungs: Array, spacing: float, patches: int, rng: np.random.RandomState) -> Array:
    """Share of the air that fluid replaces: ground glass about 0.35, consolidation above 0.8.

    Args:
        lungs: share of each pixel that lies in a lung, [height, width].
        spacing: size of the pixels, mm.
        patches: number of opacities; neighbours run together.
        rng: source of places and shapes.

    Returns:
        float64 in [0, 1], [height, width], 0 outside the lungs.
    """
    depth = distance_transform_edt(lungs > 0.5) * spacing
    rows, columns = pixel_grid(lungs.shape)
    back = rows / rows.max()
    # Where a patch may begin: within some 15 mm of the pleura, but not at the mediastinum, and more often dorsally.
    outer = np.abs(columns - columns.max() / 2) > 0.22 * columns.max()
    weight = np.exp(-(((depth - 7) / 8) ** 2)) * (depth > 0) * (outer | (back > 0.6)) * (0.25 + back**2)
    share = np.zeros(lungs.shape)
    for chosen in rng.choice(weight.size, patches, p=(weight / weight.sum()).ravel()):
        row, column = np.unravel_index(chosen, lungs.shape)
        size = rng.uniform(11, 30) / spacing
        stretch = rng.uniform(0.75, 1.3)
        distance = np.hypot((rows - row) * stretch, (columns - column) / stretch) / size
        distance += 0.28 * smooth_field(lungs.shape, 7 / spacing, rng) + 0.1 * power_field(lungs.shape, 1.5, rng)
        glass = rng.uniform(0.28, 0.5) * smooth_step(-distance, -1.15, -0.6)
        solid = rng.uniform(0.7, 0.95) * smooth_step(-distance, -rng.uniform(0.35, 0.75), -0.2)
        share = np.maximum(share, np.maximum(glass, solid if rng.uniform() < 0.45 else 0))
    lines = 0.35 * cell_walls(lungs.shape, 7 / spacing, 0.45, rng, 1.2) * rng.uniform(0, 1)
    mottled = 1 + lines + 0.22 * power_field(lungs.shape, 1.2, rng)
    return np.clip(share * mottled, 0, 0.97) * lungs


def nodule(lungs: Array, spacing: float, radius: float, rng: np.random.RandomState) -> Array:
    """Share of the air that one solid nodule replaces.

    Args:
        lungs: share of each pixel that lies in a lung, [height, width].
        spacing: size of the pixels, mm.
        radius: of the nodule, mm.
        rng: source of its place and of the spicules round it.

    Returns:
        float64 in [0, 1], [height, width], 0 outside the lungs.
    """
    depth = distance_transform_edt(lungs > 0.5) * spacing
    places = np.argwhere(depth > min(radius + 3, 0.8 * depth.max()))
    row, column = places[rng.randint(len(places))]
    rows, columns = pixel_grid(lungs.shape)
    angle = np.arctan2(rows - row, columns - column)
    spicules = 1 + 0.08 * np.cos(3 * angle + rng.uniform(0, 6)) + 0.1 * np.cos(9 * angle + rng.uniform(0, 6))
    distance = np.hypot(rows - row, columns - column) * spacing / spicules
    return gaussian_filter(np.clip((radius - distance) / spacing + 0.5, 0, 1), 0.4) * lungs
