# SPDX-License-Identifier: Apache-2.0
"""The outline of a skin lesion, which is its mask, and how outlines differ between diagnoses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .heart_shape import Array
from .texture import pixel_grid

__all__ = ["DIAGNOSES", "LesionShape", "draw_lesion_shape"]

DIAGNOSES = ("MEL", "NV", "BKL")
"""Melanoma, melanocytic naevus, benign keratosis."""


@dataclass(frozen=True)
class LesionShape:
    """An ellipse whose radius waves with the direction; lengths in pixels, angles in radians.

    Args:
        centre: (row, column).
        radius: geometric mean of the ellipse's half axes.
        elongation: long half axis over `radius`, >= 1.
        angle: direction of the long axis.
        waves: (number of waves round the outline, amplitude as a share of the radius, phase) of each ripple.
    """

    centre: tuple[float, float]
    radius: float
    elongation: float
    angle: float
    waves: tuple[tuple[int, float, float], ...]

    def polar(self, shape: tuple[int, int]) -> tuple[Array, Array]:
        """Place of every pixel relative to the outline.

        Args:
            shape: (height, width).

        Returns:
            Distance from the centre as a multiple of the outline's in that direction (1 on the outline), and the
            direction against the long axis; both float64 of `shape`.
        """
        rows, columns = pixel_grid(shape)
        down, right = rows - self.centre[0], columns - self.centre[1]
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        along = (right * cosine + down * sine) / self.elongation
        across = (down * cosine - right * sine) * self.elongation
        direction = np.arctan2(across, along)
        outline = np.ones(shape)
        for count, amplitude, phase in self.waves:
            outline += amplitude * np.cos(count * direction + phase)
        return np.hypot(along, across) / (self.radius * outline), direction

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Pixels of the lesion, bool of `shape` (height, width)."""
        return self.polar(shape)[0] < 1


_RIPPLE = {"MEL": 0.075, "NV": 0.026, "BKL": 0.045}  # amplitude of the slowest wave


def draw_lesion_shape(diagnosis: str, shape: tuple[int, int], rng: np.random.RandomState) -> LesionShape:
    """Draw an outline: naevi even, keratoses a little wavy, melanomas irregular.

    Args:
        diagnosis: one of `DIAGNOSES`.
        shape: (height, width) of the image.
        rng: source of the variation.
    """
    side = min(shape)
    counts = np.arange(2, 13)
    amplitudes = _RIPPLE[diagnosis] * rng.uniform(0.4, 1.6, len(counts)) * (counts / 2.0) ** -0.8
    phases = rng.uniform(0, 2 * np.pi, len(counts))
    return LesionShape(
        centre=(shape[0] * rng.uniform(0.43, 0.57), shape[1] * rng.uniform(0.43, 0.57)),
        radius=side * float(np.clip(rng.normal(0.29, 0.07), 0.17, 0.4)),
        elongation=rng.uniform(1.04, 1.28),
        angle=rng.uniform(0, np.pi),
        waves=tuple(zip(counts.tolist(), amplitudes.tolist(), phases.tolist(), strict=True)),
    )
