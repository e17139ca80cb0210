# SPDX-License-Identifier: Apache-2.0
"""What lies on and over the skin: furrows and freckles, hairs, gel bubbles, a ruler, and the lamp's uneven light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .heart_shape import Array
from .skin_pigment import Pigment
from .strands import bezier, draw_discs, polyline
from .texture import cell_walls, pixel_grid, smooth_field

__all__ = ["Lamp", "draw_bubbles", "draw_hairs", "draw_ruler", "skin_pigment"]


@dataclass(frozen=True)
class Lamp:
    """Light and camera.

    Args:
        gain: brightness and white balance of red, green and blue.
        gradient: change of brightness across the picture, downwards and to the right.
        vignette: share of the light that is lost in the corners.
    """

    gain: tuple[float, float, float]
    gradient: tuple[float, float]
    vignette: float

    def illuminate(self, shape: tuple[int, int]) -> Array:
        """Light on every pixel, float64 [height, width, 3]; 1 saturates white skin."""
        rows, columns = pixel_grid(shape)
        down, right = 2 * rows / (shape[0] - 1) - 1, 2 * columns / (shape[1] - 1) - 1
        falling = 1 + (self.gradient[0] * down + self.gradient[1] * right) / 2
        corners = 1 - self.vignette * np.minimum((down**2 + right**2) / 2, 1) ** 2.5
        return np.asarray(self.gain) * (falling * corners)[..., None]


def skin_pigment(melanin: float, blood: float, shape: tuple[int, int], rng: np.random.RandomState) -> Pigment:
    """Healthy skin: its tone, mottled redness, the lattice of furrows, freckles.

    Args:
        melanin: the mean amount.
        blood: the mean amount.
        shape: (height, width).
        rng: source of the texture.
    """
    furrows = cell_walls(shape, rng.uniform(8, 15), 0.4, rng, 1.5) * rng.uniform(0.03, 0.12)
    brown = melanin * (1 + 0.1 * smooth_field(shape, 14, rng) + 0.07 * smooth_field(shape, 1.5, rng)) + furrows
    freckled = rng.uniform(0, 1) < 0.35
    spots = rng.uniform(0, 1, (rng.randint(8, 30) if freckled else 3, 2)) * shape
    freckles = draw_discs(shape, spots, rng.uniform(1, 4, len(spots)))
    red = blood * (1 + 0.2 * smooth_field(shape, 20, rng) + 0.14 * smooth_field(shape, 3, rng))
    brown += rng.uniform(0.1, 0.3) * freckles * (1 + 0.5 * smooth_field(shape, 1.5, rng))
    return Pigment(np.maximum(brown, 0), np.maximum(red, 0), np.zeros(shape))


def draw_hairs(count: int, shape: tuple[int, int], rng: np.random.RandomState) -> Array:
    """Share of each pixel that is behind hair.

    Args:
        count: number of hairs.
        shape: (height, width).
        rng: source of their places; most lie along one direction, as hair grows.

    Returns:
        float64 of `shape` in [0, 1].
    """
    growth, size = rng.uniform(0, 2 * np.pi), max(shape)
    coverage = np.zeros(shape)
    for _ in range(count):
        angle = growth + rng.normal(0, 0.6)
        forward = np.array([np.sin(angle), np.cos(angle)])
        aside = np.array([forward[1], -forward[0]])
        length = size * rng.uniform(0.15, 0.9)
        middle = rng.uniform(0.05, 0.95, 2) * shape
        bend = aside * length * rng.normal(0, 0.28)
        path = bezier([middle - forward * length / 2, middle + bend, middle + forward * length / 2])
        taper = np.linspace(1, rng.uniform(0.4, 1), len(path))
        coverage = np.maximum(coverage, draw_discs(shape, path, rng.uniform(0.3, 0.7) * taper))
    return coverage


def draw_bubbles(count: int, shape: tuple[int, int], rng: np.random.RandomState) -> Array:
    """Brightness that bubbles of the immersion gel add: a ring and a glint each; float64 of `shape` in [0, 1]."""
    rows, columns = pixel_grid(shape)
    light = np.zeros(shape)
    for row, column in rng.uniform(0, 1, (count, 2)) * shape:
        radius = rng.uniform(2, 6)
        ring = np.exp(-(((np.hypot(rows - row, columns - column) - radius) / 0.8) ** 2))
        lit = 0.5 + 0.5 * np.cos(np.arctan2(rows - row, columns - column) + 2.2)
        light = np.maximum(light, 0.6 * ring * lit)
        light = np.maximum(light, draw_discs(shape, [(row - radius / 2, column - radius / 2)], 0.7))
    return light


def draw_ruler(shape: tuple[int, int], rng: np.random.RandomState) -> Array:
    """Share of each pixel that a scale bar near the lower edge covers, float64 of `shape` in [0, 1]."""
    height, width = shape
    length, tilt = width * rng.uniform(0.5, 0.75), rng.normal(0, 0.06)
    start = np.array([height * rng.uniform(0.9, 0.94), width * rng.uniform(0.1, 0.2)])
    along, up = np.array([np.sin(tilt), np.cos(tilt)]), np.array([-np.cos(tilt), np.sin(tilt)])
    lines = [polyline([start, start + along * length])]
    for tick in range(11):
        foot = start + along * length * tick / 10
        lines.append(polyline([foot, foot + up * (7 if tick % 5 == 0 else 4)]))
    return draw_discs(shape, np.concatenate(lines), 0.5)
