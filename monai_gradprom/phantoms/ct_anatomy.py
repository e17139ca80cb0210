# SPDX-License-Identifier: Apache-2.0
"""What lies where in an axial slice of the chest, and how much it attenuates.

In Hounsfield units: air -1000, water 0. Positions as in `ChestShape`.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from .ct_shape import ChestShape
from .heart_shape import Array

__all__ = ["AIR", "MUSCLE", "attenuation", "lung_share"]

AIR, FAT, MUSCLE, MARROW, CORTEX = -1000.0, -95.0, 45.0, 160.0, 620.0
"""Hounsfield units of the tissues."""


def lung_share(chest: ChestShape, x: Array, y: Array, spacing: float) -> Array:
    """Share of each pixel that lies in a lung.

    Args:
        chest: the anatomy.
        x: position of the pixels, mm, [height, width].
        y: position of the pixels, mm, [height, width].
        spacing: size of the pixels, mm.

    Returns:
        float64 in [0, 1], [height, width].
    """
    right, left = chest.midline(y)
    inside = (chest.radius(x, y, chest.cavity) < 1) & ((x < right) | (x > left))
    inside &= np.hypot(x / 24, (y - chest.spine) / 24) > 1
    if chest.dome:
        centre = -0.42 * chest.cavity[0], 0.05 * chest.cavity[1]
        inside &= np.hypot((x - centre[0]) / 1.1, y - centre[1]) > chest.dome
    # Smoothing and cutting again rounds every corner, as pleura does.
    rounded = gaussian_filter(inside.astype(np.float64), 4.5 / spacing)
    return np.clip((rounded - 0.5) * 9 / spacing + 0.5, 0, 1)


def attenuation(chest: ChestShape, x: Array, y: Array, spacing: float) -> Array:
    """Hounsfield units of everything but vessels, lesions and texture.

    Args:
        chest: the anatomy.
        x: position of the pixels, mm, [height, width].
        y: position of the pixels, mm, [height, width].
        spacing: size of the pixels, mm.

    Returns:
        float64 [height, width].
    """
    body, cavity = chest.radius(x, y, chest.body), chest.radius(x, y, chest.cavity)
    level = np.where(body < 1, FAT, AIR)
    level[(body > 0.985) & (body < 1)] = MUSCLE  # skin
    muscle = chest.cavity[0] + 0.55 * chest.wall[0], chest.cavity[1] + 0.72 * chest.wall[1]
    angle = np.arctan2(y, np.abs(x))
    layers = 0.035 * np.cos(5 * angle + 1) + 0.02 * np.cos(11 * angle)  # pectorals, serratus, latissimus
    level[chest.radius(x, y, muscle) < 1 + layers] = MUSCLE
    level[cavity < 0.98] = MUSCLE
    _paint_organs(chest, x, y, level)
    _paint_bones(chest, x, y, level)
    depth = y / chest.cavity[1]
    lung = chest.inflation + chest.sag * (depth + 1) / 2
    share = lung_share(chest, x, y, spacing)
    level = level + share * (lung - level)
    for centre, radius in _airways(chest):
        edge = radius - np.hypot(x - centre[0], 1.1 * (y - centre[1]))
        level[edge > -1.2] = MUSCLE
        level[edge > 0] = AIR + 20
    return gaussian_filter(level, 0.5)


def _paint_organs(chest: ChestShape, x: Array, y: Array, level: Array) -> None:
    """Fat between the great vessels or beside the heart; aorta and oesophagus."""
    right, left = chest.midline(y)
    level[(x > right + 4) & (x < left - 4) & (np.abs(y) < 0.9 * chest.cavity[1])] = FAT + 70
    heart = chest.level > 1.3
    middle = chest.shift + (0.14 * chest.cavity[0] if heart else 0.0), -0.2 * chest.cavity[1]
    axes = (0.43, 0.56) if heart else (0.2, 0.34)
    level[np.hypot((x - middle[0]) / axes[0], (y - middle[1]) / axes[1]) < chest.cavity[0]] = MUSCLE
    aorta = np.hypot(x - chest.shift - 0.2 * chest.cavity[0], y - 0.5 * chest.cavity[1])
    level[aorta < 13] = MUSCLE


def _paint_bones(chest: ChestShape, x: Array, y: Array, level: Array) -> None:
    """Vertebra, ribs cut obliquely, sternum."""
    angle = np.arctan2(y / chest.cavity[1], x / chest.cavity[0])
    ring = chest.radius(x, y, chest.cavity) - 1 - 0.32 * chest.wall[0] / chest.cavity[0]
    ring = ring * chest.cavity[0]
    for k, centre in enumerate(np.linspace(-0.38, 1.28, 6) + 0.1 * chest.level):
        span = 0.11 + 0.03 * (k % 2)
        for direction in (centre, np.pi - centre):
            turn = (angle - direction + np.pi) % (2 * np.pi) - np.pi
            rib = np.hypot(turn / span, (ring + 14 * turn) / 4.5)
            level[rib < 1] = CORTEX
            level[rib < 0.62] = MARROW
    parts = [(0.0, chest.spine, 17.0, 13.0), (0.0, -chest.cavity[1] - 0.4 * chest.wall[1], 16.0, 5.0)]
    parts += [(side * 15.0, chest.spine + 17, 5.0, 9.0) for side in (-1, 1)]
    parts.append((0.0, chest.spine + 34, 3.5, 12.0))
    for right, back, width, depth in parts:
        bone = np.hypot((x - right) / width, (y - back) / depth)
        level[bone < 1] = CORTEX
        level[bone < 0.8] = MARROW
    level[np.hypot(x / 8, (y - chest.spine - 17) / 7) < 1] = MUSCLE  # spinal canal


def _airways(chest: ChestShape) -> list[tuple[tuple[float, float], float]]:
    """Centre and radius of trachea or main bronchi."""
    back = 0.2 * chest.cavity[1]
    if chest.level < 0.7:
        return [((chest.shift, back - 6), 8.5)]
    if chest.level < 1.4:
        return [((chest.shift + side * 16, back + 3), 6.0) for side in (-1, 1)]
    return []
