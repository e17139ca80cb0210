# SPDX-License-Identifier: Apache-2.0
"""The shape of one chest at the height of an axial slice, and how chests vary.

Millimetres from the middle of the body: `x` to the right of the picture (the patient's left), `y` towards the back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .heart_shape import Array

__all__ = ["ChestShape", "draw_chest"]


@dataclass(frozen=True)
class ChestShape:
    """Lengths in mm.

    Args:
        body: half width and half depth of the body.
        wall: thickness of the chest wall at the sides, and at front and back.
        squareness: exponent of the superellipses, 2 being an ellipse.
        level: height of the slice: 0 aortic arch, 1 carina, 2 heart.
        girth: width of the mediastinum relative to the template.
        shift: displacement of the mediastinum to the patient's left.
        dome: how far the liver's dome reaches into the right lung, radius; 0 is none.
        inflation: Hounsfield units of the front of a healthy lung.
        sag: by how many units the back is denser than the front.
    """

    body: tuple[float, float]
    wall: tuple[float, float]
    squareness: float
    level: float
    girth: float
    shift: float
    dome: float
    inflation: float
    sag: float

    @property
    def cavity(self) -> tuple[float, float]:
        """Half width and half depth of the thoracic cavity."""
        return self.body[0] - self.wall[0], self.body[1] - self.wall[1]

    @property
    def spine(self) -> float:
        """Y of the middle of the vertebral body."""
        return 0.62 * self.cavity[1]

    def radius(self, x: Array, y: Array, axes: tuple[float, float]) -> Array:
        """Distance from the middle as a share of the superellipse with these half axes: 1 on its outline."""
        power = self.squareness
        return (np.abs(x / axes[0]) ** power + np.abs(y / axes[1]) ** power) ** (1 / power)

    def midline(self, y: Array) -> tuple[Array, Array]:
        """X of the right and of the left border of the mediastinum at each depth."""
        depth = (y / self.cavity[1] + 1) / 2  # 0 at the sternum, 1 at the back of the cavity
        low = min(int(self.level), len(_RIGHT) - 2)
        share = self.level - low
        borders = []
        for side, template in ((-1, _RIGHT), (1, _LEFT)):
            widths = (1 - share) * template[low] + share * template[low + 1]
            width = np.interp(depth, _DEPTHS, widths) * self.girth * self.cavity[0]
            borders.append(side * width + self.shift)
        return borders[0], borders[1]


# Half width of the mediastinum to either side as a share of the cavity's, at aortic arch, carina and heart.
_DEPTHS = np.array([0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0])
_RIGHT = np.array(
    [
        [0.08, 0.12, 0.20, 0.25, 0.24, 0.22, 0.24, 0.26],
        [0.06, 0.12, 0.24, 0.31, 0.28, 0.22, 0.24, 0.26],
        [0.12, 0.26, 0.38, 0.38, 0.30, 0.18, 0.22, 0.26],
    ]
)
_LEFT = np.array(
    [
        [0.08, 0.14, 0.24, 0.32, 0.33, 0.28, 0.24, 0.26],
        [0.06, 0.18, 0.32, 0.34, 0.30, 0.36, 0.33, 0.27],
        [0.16, 0.46, 0.62, 0.64, 0.55, 0.36, 0.34, 0.27],
    ]
)


def draw_chest(rng: np.random.RandomState) -> ChestShape:
    """Draw a chest.

    Args:
        rng: source of the variation.
    """
    u = rng.uniform
    half_width = u(150, 180)
    level = min(u(0, 2.5), 2.0)
    return ChestShape(
        body=(half_width, half_width * u(0.64, 0.74)),
        wall=(u(22, 38), u(18, 30)),
        squareness=u(2.1, 2.5),
        level=level,
        girth=u(0.75, 1.0),
        shift=u(0, 8),
        dome=u(28, 50) if level > 1.5 and u() < 0.5 else 0.0,
        inflation=u(-900, -840),
        sag=u(10, 70),
    )
