# SPDX-License-Identifier: Apache-2.0
"""Crypts of the colon, cut across or aslant: a palisade of epithelial cells and goblets around a lumen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.measure import find_contours

from .heart_shape import Array
from .texture import pixel_grid, smooth_step

__all__ = ["BESIDE", "Crypt", "Goblet", "Outline", "Place", "blend", "draw_crypt", "draw_outline"]

Place = tuple[float, float, float]
"""Row, column and angle (radians from the column axis towards the row axis) of a nucleus."""

Goblet = tuple[float, float, float]
"""Row, column and radius of a mucin vacuole, pixels."""

MARGIN = 48
"""Pixels computed beyond the picture, so that a crypt that it cuts is right up to the border."""

ABOVE, BESIDE = 11.0, 13.6
"""Distance of nuclei from the basement membrane and from each other, pixels."""


@dataclass(frozen=True)
class Crypt:
    """One crypt.

    Attributes:
        depth: distance below the basement membrane, pixels, negative outside, float [rows, columns].
        height: of the epithelium, pixels; what is deeper is lumen.
        places: of its nuclei, some of them outside the picture.
        goblets: its vacuoles.
        mucus: how much of the lumen is filled, 0 to 1.
    """

    depth: Array
    height: float
    places: list[Place]
    goblets: list[Goblet]
    mucus: float

    def paint(self, haematoxylin: Array, eosin: Array, grain: Array) -> None:
        """Draw everything but the nuclei over stain densities, in place.

        Args:
            haematoxylin: optical density, float [rows, columns].
            eosin: the same.
            grain: noise of standard deviation 1, the texture of cytoplasm.
        """
        inside = smooth_step(self.depth, -1, 1)
        lumen = smooth_step(self.depth - self.height - 3 * gaussian_filter(grain, 1.5), -1, 1)
        membrane = np.exp(-0.5 * ((self.depth + 1.0) / 1.2) ** 2)
        apical = np.clip(self.depth / self.height, 0, 1)
        blend(eosin, inside, 0.20 + 0.07 * apical + 0.03 * grain)
        blend(haematoxylin, inside, 0.22 - 0.08 * apical + 0.025 * grain)
        rows, columns = pixel_grid((eosin.shape[0], eosin.shape[1]))
        for row, column, radius in self.goblets:
            ball = radius - np.hypot(rows - row, columns - column)
            rim = np.exp(-0.5 * ((ball + 0.5) / 0.9) ** 2)
            eosin += 0.07 * rim * (1 - lumen)
            blend(eosin, smooth_step(ball, -1, 1), 0.035 + 0.01 * grain)
            blend(haematoxylin, smooth_step(ball, -1, 1), 0.07 + 0.015 * grain)
        blend(eosin, lumen, np.clip(0.01 + self.mucus * (0.07 + 0.03 * grain), 0, None))
        blend(haematoxylin, lumen, np.clip(0.005 + self.mucus * (0.05 + 0.03 * grain), 0, None))
        eosin += 0.12 * membrane
        np.clip(haematoxylin, 0, None, out=haematoxylin)


@dataclass(frozen=True)
class Outline:
    """The basement membrane of a crypt: an ellipse with bulges.

    Attributes:
        row: its middle in the picture.
        column: the same.
        turn: direction of the long axis, radians from the column axis towards the row axis.
        narrow: the short half axis, pixels.
        stretch: long half axis / short half axis.
        bulges: relative height and phase of two, three and four waves around it.
    """

    row: float
    column: float
    turn: float
    narrow: float
    stretch: float
    bulges: tuple[tuple[float, float], ...]

    def mask(self, shape: tuple[int, int], margin: int = 0) -> NDArray[np.bool_]:
        """Whether a pixel is inside, bool [rows, columns], with `margin` more on every side."""
        rows, columns = pixel_grid((shape[0] + 2 * margin, shape[1] + 2 * margin))
        down, right = rows - margin - self.row, columns - margin - self.column
        u = (right * np.cos(self.turn) + down * np.sin(self.turn)) / self.stretch
        v = down * np.cos(self.turn) - right * np.sin(self.turn)
        around = np.arctan2(v, u)
        waves = sum(height * np.cos(k * around + phase) for k, (height, phase) in enumerate(self.bulges, start=2))
        return np.asarray(np.hypot(u, v) < self.narrow * (1 + waves))


def draw_outline(rng: np.random.RandomState, row: float, column: float) -> Outline:
    """Draw the form and direction of a crypt around a point."""
    turn, narrow, stretch = rng.uniform(0, np.pi), rng.uniform(42, 58), rng.uniform(1, 1.8)
    bulges = tuple((rng.normal(0, 0.05), rng.uniform(0, 2 * np.pi)) for _ in range(3))
    return Outline(row, column, turn, narrow, stretch, bulges)


def draw_crypt(rng: np.random.RandomState, shape: tuple[int, int], outline: Outline) -> Crypt:
    """Draw what an outline holds.

    Args:
        rng: draws it.
        shape: (rows, columns) of the picture, which may cut the crypt.
        outline: its basement membrane.
    """
    mask = outline.mask(shape, MARGIN)
    depth = distance_transform_edt(mask) - distance_transform_edt(~mask)
    height = rng.uniform(0.62, 0.74) * outline.narrow
    places, goblets = _palisade(rng, gaussian_filter(depth, 2), height)
    cut = slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)
    return Crypt(depth[cut], height, places, goblets, rng.uniform(0, 1))


def _palisade(rng: np.random.RandomState, depth: Array, height: float) -> tuple[list[Place], list[Goblet]]:
    """Nuclei side by side above the membrane, pointing to the lumen, and goblets between them and the lumen."""
    down, right = np.gradient(depth)
    slope = np.stack([down, right], axis=-1) / (np.hypot(down, right)[..., None] + 1e-9)
    many_goblets = rng.uniform(0.15, 0.6)
    places: list[Place] = []
    goblets: list[Goblet] = []
    for contour in find_contours(depth, ABOVE):
        length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(contour, axis=0).T))])
        stations = np.arange(0, length[-1] - 10, BESIDE) + rng.uniform(0, 5)
        for point in contour[np.searchsorted(length, stations)]:
            normal = slope[tuple(np.rint(point).astype(int))]
            row, column = point + rng.normal(0, 2.2) * normal - MARGIN
            places.append((row, column, float(np.arctan2(*normal) + rng.normal(0, 0.15))))
            if rng.uniform() < many_goblets:
                radius = rng.uniform(4.5, 7.5)
                row, column = point - MARGIN + normal * (height - 14 - radius * rng.uniform(0.4, 1.3))
                goblets.append((row, column, radius))
    return places, goblets


def blend(field: Array, cover: Array, value: Array) -> None:
    """Lay `value` over `field`, in place, where `cover` goes from 0 (nothing) to 1 (opaque)."""
    field += cover * (value - field)
