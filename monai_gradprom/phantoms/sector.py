# SPDX-License-Identifier: Apache-2.0
"""The geometry of a phased-array sector: the polar grid of beams, the Cartesian picture, and the step between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from .heart_shape import Array

__all__ = ["Sector"]

# Simulated beyond the visible sector, so that the periodic filters never show inside it.
_MARGIN = 12  # beams on either side
_BELOW = 24  # range samples


@dataclass(frozen=True)
class Sector:
    """A sector with its tip in the middle of the top row of the picture.

    Args:
        depth: length of the beams, mm.
        half_angle: opening to either side, radians.
        height: rows of the picture, which span `depth`.
        samples: range samples of a beam.
        beams: beams across the visible opening.
    """

    depth: float
    half_angle: float
    height: int
    samples: int = 440
    beams: int = 160

    @property
    def width(self) -> int:
        """Columns of the picture: the sector's chord and a pixel on each side."""
        return 2 * int(np.ceil(self.depth * np.sin(self.half_angle) / self.spacing)) + 2

    @property
    def spacing(self) -> float:
        """Size of the square pixels, mm."""
        return self.depth / (self.height - 1)

    @property
    def range_step(self) -> float:
        """Distance of range samples, mm."""
        return self.depth / (self.samples - 1)

    @property
    def beam_step(self) -> float:
        """Angle between beams, radians."""
        return 2 * self.half_angle / (self.beams - 1)

    @property
    def grid_shape(self) -> tuple[int, int]:
        """(range samples, beams) of the polar arrays, both with their margin."""
        return self.samples + _BELOW, self.beams + 2 * _MARGIN

    def ranges(self) -> Array:
        """Depth along the beam of every range sample, mm, shape [grid_shape[0]]."""
        return np.arange(self.grid_shape[0], dtype=np.float64) * self.range_step

    def angles(self) -> Array:
        """Direction of every simulated beam, radians, positive to the right, shape [grid_shape[1]]."""
        return (np.arange(self.grid_shape[1], dtype=np.float64) - _MARGIN) * self.beam_step - self.half_angle

    def to_grid(self, x: Array, z: Array) -> tuple[Array, Array]:
        """Image plane (mm) to fractional (range, beam) indices of the polar arrays."""
        angle = np.arctan2(x, z)
        return np.hypot(x, z) / self.range_step, (angle + self.half_angle) / self.beam_step + _MARGIN

    def pixels(self) -> tuple[Array, Array]:
        """Position (x, z) in mm of every pixel; both of shape [width, height], the file's own axis order."""
        x = (np.arange(self.width) - (self.width - 1) / 2) * self.spacing
        z = np.arange(self.height) * self.spacing
        across, down = np.meshgrid(x, z, indexing="ij")
        return across, down

    def mask(self) -> NDArray[np.bool_]:
        """Pixels inside the sector, bool [width, height]."""
        x, z = self.pixels()
        return (np.hypot(x, z) <= self.depth + 1e-9) & (np.abs(np.arctan2(x, z)) <= self.half_angle)

    def scan_convert(self, polar: Array) -> Array:
        """Interpolate a polar array of `grid_shape` to a picture [width, height], zero outside."""
        coordinates = np.stack(self.to_grid(*self.pixels()))
        picture = map_coordinates(polar, coordinates, order=1, mode="nearest")
        return np.where(self.mask(), picture, 0.0)
