# SPDX-License-Identifier: Apache-2.0
"""From stain densities to the picture of a slide scanner: Beer-Lambert absorption, optical blur, sensor noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb_from_hed

from .heart_shape import Array

__all__ = ["Staining", "draw_staining"]

YELLOW = 0.3
"""Share of the third (DAB) vector that eosin brings along: real eosin absorbs more blue than its vector in
scikit-image, which alone gives a magenta that no slide has."""


@dataclass(frozen=True)
class Staining:
    """How strongly a slide took up its stains, and the light and optics it was scanned with.

    Attributes:
        haematoxylin: factor on all haematoxylin densities.
        eosin: factor on all eosin densities.
        light: grey level of the empty slide in red, green and blue, up to 255.
        blur: standard deviation of the point spread function, pixels.
        noise: standard deviation of the sensor's noise, grey levels.
    """

    haematoxylin: float = 1.0
    eosin: float = 1.0
    light: tuple[float, float, float] = (245.0, 244.0, 246.0)
    blur: float = 0.45
    noise: float = 0.6

    def render(self, haematoxylin: Array, eosin: Array, rng: np.random.RandomState) -> NDArray[np.uint8]:
        """Take the picture.

        Each stain weakens the light by 10^(-density x vector) (Beer-Lambert; the vectors are those of Ruifrok and
        Johnston, "Quantification of histochemical staining by color deconvolution", 2001, as in scikit-image). The
        optics blur what passes, so the blur follows the exponential.

        Args:
            haematoxylin: optical density of haematoxylin, >= 0, float [rows, columns].
            eosin: the same of eosin.
            rng: draws the noise.

        Returns:
            uint8 [rows, columns, 3], red, green, blue.
        """
        vectors = np.array([rgb_from_hed[0], rgb_from_hed[1] + YELLOW * rgb_from_hed[2]])
        density = np.stack([self.haematoxylin * haematoxylin, self.eosin * eosin], axis=-1) @ vectors
        picture = np.asarray(self.light) * ndimage.gaussian_filter(10.0**-density, (self.blur, self.blur, 0))
        picture += rng.normal(0, self.noise, picture.shape)
        return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)


def draw_staining(rng: np.random.RandomState) -> Staining:
    """Draw a slide: laboratories stain more blue or more red, weaker or stronger."""
    light = rng.uniform(238, 248) + rng.uniform(-3, 3, 3)
    return Staining(
        haematoxylin=rng.uniform(0.78, 1.25),
        eosin=rng.uniform(0.65, 1.25),
        light=(float(light[0]), float(light[1]), float(light[2])),
        blur=rng.uniform(0.35, 0.5),
    )
