# SPDX-License-Identifier: Apache-2.0
"""One synthetic axial chest CT: number in, grey picture in a lung window and the mask of the lungs out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from .ct_anatomy import AIR, MUSCLE, attenuation, lung_share
from .ct_lesions import nodule, pneumonia
from .ct_shape import ChestShape, draw_chest
from .ct_vessels import vessel_share
from .heart_shape import Array
from .texture import image_rng, pixel_grid, power_field

__all__ = ["CT_CLASSES", "ChestPhantom", "draw_chest_ct"]

CT_CLASSES = ("COVID", "NonCOVID")
"""The two folders of COVID-CT."""


@dataclass(frozen=True)
class ChestPhantom:
    """A slice before it is scanned.

    Args:
        diagnosis: one of `CT_CLASSES`.
        size: (height, width), pixels.
        spacing: size of the pixels, mm.
        chest: the anatomy.
        patches: opacities of pneumonia, 0 without.
        nodule: radius of a nodule, mm, 0 without.
        window: Hounsfield units that become black and white.
        noise: standard deviation of the noise, Hounsfield units.
        table: whether the patient table shows.
        seed: seeds of the textures, as `image_rng` takes them.
    """

    diagnosis: str
    size: tuple[int, int]
    spacing: float
    chest: ChestShape
    patches: int
    nodule: float
    window: tuple[float, float]
    noise: float
    table: bool
    seed: tuple[int, ...]

    def places(self) -> tuple[Array, Array]:
        """Position (x, y) of every pixel in mm from the middle of the body, [height, width] each."""
        rows, columns = pixel_grid(self.size)
        return (columns - (self.size[1] - 1) / 2) * self.spacing, (rows - (self.size[0] - 1) / 2) * self.spacing

    def lungs(self) -> NDArray[np.bool_]:
        """Pixels of the lungs with everything in them, bool [height, width]."""
        return lung_share(self.chest, *self.places(), self.spacing) > 0.5

    def hounsfield(self) -> Array:
        """The slice without noise, Hounsfield units, float64 [height, width]."""
        x, y = self.places()
        level = attenuation(self.chest, x, y, self.spacing)
        lungs = lung_share(self.chest, x, y, self.spacing)
        level += 18 * lungs * power_field(self.size, 1.5, image_rng(*self.seed, 1))
        filled = vessel_share(self.chest, x, y, self.spacing, lungs, image_rng(*self.seed, 2))
        if self.patches:
            filled = np.maximum(filled, pneumonia(lungs, self.spacing, self.patches, image_rng(*self.seed, 3)))
        if self.nodule:
            filled = np.maximum(filled, nodule(lungs, self.spacing, self.nodule, image_rng(*self.seed, 4)))
        # Only where there is air can fluid replace it.
        level = np.where(level < MUSCLE, level + filled * (MUSCLE - level), level)
        if self.table:
            bow = y - self.chest.body[1] - 5 + (x / 60) ** 2
            level[(np.abs(bow) < 1.5) | (np.abs(bow - 16) < 1)] = -350
        return level

    def render(self) -> NDArray[np.uint8]:
        """Scan the slice and show it in the window, uint8 [height, width]."""
        rng = image_rng(*self.seed, 5)
        blurred = gaussian_filter(self.hounsfield(), 0.55)
        grain = gaussian_filter(rng.standard_normal(self.size), 0.7)
        level = np.maximum(blurred + self.noise * grain / grain.std(), AIR)
        black, white = self.window
        return np.rint(255 * np.clip((level - black) / (white - black), 0, 1)).astype(np.uint8)


def draw_chest_ct(seed: int, number: int) -> ChestPhantom:
    """Draw a slice; the same (seed, number) always gives the same one, whatever else is drawn.

    Args:
        seed: seed of the whole data set, >= 0.
        number: number of the image, >= 1; odd ones show COVID-19, even ones none.
    """
    rng = image_rng(seed, number)
    u = rng.uniform
    diagnosis = CT_CLASSES[(number + 1) % 2]
    chest = draw_chest(rng)
    width = int(rng.randint(216, 301))
    # From cut close to the lungs, as in printed figures, to the whole body with a margin.
    spacing = 2 * chest.body[0] * u(0.85, 1.04) / width
    height = int(2 * chest.body[1] * u(0.9, 1.08) / spacing)
    sick = diagnosis == "COVID"
    black = u(-1350, -1030)
    patches, radius = int(rng.randint(3, 9)), u(4, 10)
    return ChestPhantom(
        diagnosis=diagnosis,
        size=(height, width),
        spacing=spacing,
        chest=chest,
        patches=patches if sick else 0,
        nodule=radius if not sick and u() < 0.5 else 0.0,
        window=(black, black + u(1100, 1600)),
        noise=u(8, 34),
        table=bool(u() < 0.7),
        seed=(seed, number),
    )
