# SPDX-License-Identifier: Apache-2.0
"""One synthetic dermoscopic photograph: number in, RGB picture and lesion mask out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from .heart_shape import Array
from .skin_pigment import Pigment, lesion_pigment
from .skin_shape import DIAGNOSES, LesionShape, draw_lesion_shape
from .skin_surface import Lamp, draw_bubbles, draw_hairs, draw_ruler, skin_pigment
from .texture import image_rng

__all__ = ["SkinPhantom", "draw_skin", "reflectance"]

# Optical density of one unit in red, green and blue. Melanin's falls with the wavelength: against the skin beside them
# real lesions show 1 : 2.0 : 2.6 in the mean, with a little more red in the darkest.
_MELANIN = np.array([0.23, 0.42, 0.53])
_BLOOD = np.array([0.05, 0.33, 0.27])
_VEIL = np.array([0.62, 0.68, 0.78])
_HAIR = np.array([0.16, 0.11, 0.09])
_INK = np.array([0.15, 0.13, 0.16])


@dataclass(frozen=True)
class SkinPhantom:
    """A photograph before it is taken. What lies over the skin can be switched off without changing the rest.

    Args:
        diagnosis: one of `DIAGNOSES`.
        size: (height, width), pixels.
        lesion: the outline.
        tone: mean melanin and blood of the skin.
        lamp: light and camera.
        hairs: how many.
        bubbles: how many.
        ruler: whether there is one.
        relief: how strongly the lesion's edge throws light and shadow.
        noise: standard deviation of the camera's noise, grey levels.
        seed: seeds of the textures, as `image_rng` takes them.
    """

    diagnosis: str
    size: tuple[int, int]
    lesion: LesionShape
    tone: tuple[float, float]
    lamp: Lamp
    hairs: int
    bubbles: int
    ruler: bool
    relief: float
    noise: float
    seed: tuple[int, ...]

    def mask(self) -> NDArray[np.bool_]:
        """Pixels of the lesion, bool [height, width]."""
        return self.lesion.mask(self.size)

    def render(self) -> NDArray[np.uint8]:
        """Take the photograph, uint8 [height, width, 3]."""
        skin = skin_pigment(*self.tone, self.size, image_rng(*self.seed, 1))
        lesion = lesion_pigment(self.diagnosis, self.lesion, self.size, image_rng(*self.seed, 2))
        picture = reflectance(
            Pigment(skin.melanin + lesion.melanin, np.maximum(skin.blood + lesion.blood, 0), lesion.veil)
        )
        raised = gaussian_filter(self.mask().astype(np.float64), 1.5)
        picture *= 1 - self.relief * sum(np.gradient(raised))[..., None]  # lit from the upper left
        hair = 0.9 * draw_hairs(self.hairs, self.size, image_rng(*self.seed, 3))[..., None]
        picture += hair * (_HAIR - picture)
        bubbles = draw_bubbles(self.bubbles, self.size, image_rng(*self.seed, 4))[..., None]
        picture += bubbles * (1 - picture)
        if self.ruler:
            picture += 0.8 * draw_ruler(self.size, image_rng(*self.seed, 5))[..., None] * (_INK - picture)
        picture = gaussian_filter(255 * picture * self.lamp.illuminate(self.size), (0.55, 0.55, 0))
        picture += self.noise * image_rng(*self.seed, 6).standard_normal(picture.shape)
        return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def reflectance(pigment: Pigment) -> Array:
    """Colour of skin by Lambert and Beer: light is weakened by exp(-density) on its way through the pigments.

    Args:
        pigment: the amounts, [height, width] each.

    Returns:
        float64 [height, width, 3], 1 where nothing is absorbed.
    """
    density = pigment.melanin[..., None] * _MELANIN + pigment.blood[..., None] * _BLOOD
    through = np.exp(-density)
    return through + pigment.veil[..., None] * (_VEIL - through)


def draw_skin(seed: int, number: int) -> SkinPhantom:
    """Draw a photograph; the same (seed, number) always gives the same one, whatever else is drawn.

    Args:
        seed: seed of the whole data set, >= 0.
        number: number of the image, >= 1; diagnoses take turns, so that any run of images is balanced.
    """
    rng = image_rng(seed, number)
    u = rng.uniform
    diagnosis = DIAGNOSES[number % len(DIAGNOSES)]
    size = (int(rng.randint(192, 225)), int(rng.randint(224, 289)))
    if u() < 0.2:
        size = (size[1], size[0])
    # Shaved, a few, many.
    hairs = int(rng.choice([0, rng.randint(2, 8), rng.randint(9, 22)], p=[0.35, 0.45, 0.2]))
    brightness = float(np.clip(rng.normal(0.85, 0.1), 0.62, 1.06))
    return SkinPhantom(
        diagnosis=diagnosis,
        size=size,
        lesion=draw_lesion_shape(diagnosis, size, rng),
        tone=(u(0.15, 0.6), u(0.05, 0.55)),
        lamp=Lamp(
            gain=(brightness * u(0.97, 1.03), brightness * u(0.97, 1.05), brightness * u(0.9, 1.12)),
            gradient=(u(-0.08, 0.08), u(-0.08, 0.08)),
            vignette=u(0, 0.1) if u() < 0.8 else u(0.3, 0.7),
        ),
        hairs=hairs,
        bubbles=int(rng.randint(3, 14)) if u() < 0.25 else 0,
        ruler=bool(u() < 0.3),
        relief=u(0.5, 1.0) if diagnosis == "BKL" else u(0, 0.2),
        noise=u(0.6, 1.8),
        seed=(seed, number),
    )
