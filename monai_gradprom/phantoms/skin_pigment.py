# SPDX-License-Identifier: Apache-2.0
"""What a lesion is made of: melanin, blood and whitening at each place, by diagnosis.

The structures are those that dermoscopy looks for (pattern analysis; Argenziano et al., J Am Acad Dermatol 2003):
naevi have an even colour and a regular network; melanomas several colours, an irregular network, blue-white veil,
regression and dots at one side; benign keratoses a sharp border, milia-like cysts, comedo-like openings and fissures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .heart_shape import Array
from .skin_shape import LesionShape
from .strands import draw_discs
from .texture import cell_walls, power_field, smooth_field, smooth_step

__all__ = ["Pigment", "lesion_pigment"]


@dataclass
class Pigment:
    """Amounts at each pixel, float64 [height, width]; 0 is none.

    Args:
        melanin: 1 is a light brown lesion on fair skin, 6 is black.
        blood: 1 is a distinct redness.
        veil: share of the light that a bluish white layer on top sends back, 0 to 1.
    """

    melanin: Array
    blood: Array
    veil: Array


def lesion_pigment(diagnosis: str, lesion: LesionShape, shape: tuple[int, int], rng: np.random.RandomState) -> Pigment:
    """Paint a lesion.

    Args:
        diagnosis: "MEL", "NV" or "BKL".
        lesion: its outline.
        shape: (height, width).
        rng: source of the variation.

    Returns:
        What the lesion adds to the skin, nothing well outside the outline.
    """
    return _PAINTERS[diagnosis](lesion, shape, rng)


def _naevus(lesion: LesionShape, shape: tuple[int, int], rng: np.random.RandomState) -> Pigment:
    distance = _ragged(lesion.polar(shape)[0], 0.03, rng)
    spread = rng.uniform(0.07, 0.22)
    inside = smooth_step(-distance, -1 - spread, -1 + spread)
    centre = rng.uniform(-0.2, 1.6) * np.exp(-((distance / 0.5) ** 2))
    network = cell_walls(shape, rng.uniform(5.5, 8), 0.27, rng, 1.8) * (1 + 0.4 * smooth_field(shape, 12, rng))
    even = 1 + centre + 0.2 * smooth_field(shape, 9, rng) + 0.1 * power_field(shape, 1.5, rng)
    level = np.exp(max(rng.normal(-0.15, 0.5), -0.75))
    melanin = level * inside * np.maximum(0.75 * even + rng.uniform(0.15, 0.45) * network, 0.1)
    return Pigment(melanin, rng.uniform(-0.1, 0.45) * inside, np.zeros(shape))


def _melanoma(lesion: LesionShape, shape: tuple[int, int], rng: np.random.RandomState) -> Pigment:
    distance, direction = lesion.polar(shape)
    distance = _ragged(distance, 0.05, rng)
    side = rng.uniform(0, 2 * np.pi)
    towards = np.cos(direction - side) * np.minimum(distance, 1)  # -1 to 1 across the lesion
    spread = 0.06 + 0.14 * (1 - np.cos(direction - side)) / 2  # one edge stops abruptly, the other fades
    inside = smooth_step((1 - distance) / spread, -1, 1)
    blotches = smooth_field(shape, lesion.radius * rng.uniform(0.14, 0.26), rng) + 0.5 * power_field(shape, 2, rng)
    level = np.exp(rng.normal(-0.1, 0.4) + 0.6 * blotches + 0.6 * towards)
    network = cell_walls(shape, rng.uniform(7, 11), 0.45, rng, 2.2) * smooth_step(-towards, -0.3, 0.6)
    melanin = inside * np.minimum(level * (0.8 + 0.6 * network), 7)
    dots = _scattered(lesion, shape, rng, count=rng.randint(12, 34), reach=(0.75, 1.04), radii=(0.8, 2.2))
    melanin += 2.2 * dots * smooth_step(towards, -0.2, 0.6)
    place = smooth_field(shape, lesion.radius * 0.3, rng)
    veil = 0.45 * smooth_step(place, 0.55, 1.7) * smooth_step(-distance, -0.95, -0.6)
    scar = smooth_step(-place, 0.9, 1.9) * rng.uniform(0, 0.8) * inside
    red = smooth_step(smooth_field(shape, lesion.radius * 0.3, rng), 0.3, 1.8)
    return Pigment(melanin * (1 - scar), inside * (rng.uniform(0, 0.5) + 1.1 * red), veil + 0.12 * scar)


def _keratosis(lesion: LesionShape, shape: tuple[int, int], rng: np.random.RandomState) -> Pigment:
    distance = _ragged(lesion.polar(shape)[0], 0.012, rng)
    inside = smooth_step(-distance, -1.035, -0.975)
    grain = 1 + 0.14 * smooth_field(shape, 1.5, rng) + 0.16 * power_field(shape, 2, rng)
    fissures = cell_walls(shape, rng.uniform(13, 24), 0.5, rng, 2.6) * rng.uniform(0, 0.5)
    fissures *= smooth_step(smooth_field(shape, 12, rng), -1, 1)
    rim = 0.3 * np.exp(-(((distance - 0.95) / 0.045) ** 2))
    level = np.exp(max(rng.normal(-0.6, 0.45), -1.1))
    openings = _scattered(lesion, shape, rng, rng.randint(6, 22), (0, 0.9), (1.0, 3.0))
    cysts = _scattered(lesion, shape, rng, rng.randint(8, 26), (0, 0.92), (0.9, 2.6))
    melanin = level * inside * np.maximum(grain + fissures + rim, 0.1) * (1 - 0.5 * cysts)
    return Pigment(melanin + (0.9 + 0.9 * level) * openings, rng.uniform(-0.15, 0.25) * inside, 0.5 * cysts)


def _ragged(distance: Array, amount: float, rng: np.random.RandomState) -> Array:
    """The distance with small irregularities: pigment does not end on the smooth line that an expert draws."""
    return distance + amount * smooth_field(distance.shape, 3.5, rng)


def _scattered(
    lesion: LesionShape,
    shape: tuple[int, int],
    rng: np.random.RandomState,
    count: int,
    reach: tuple[float, float],
    radii: tuple[float, float],
) -> Array:
    """Round spots at random places of the lesion, `reach` being their distance as a share of the outline's."""
    distance, _ = lesion.polar(shape)
    places = np.argwhere((distance >= reach[0]) & (distance < reach[1]))
    chosen = places[rng.randint(0, len(places), count)]
    return draw_discs(shape, chosen, rng.uniform(*radii, count))


_Painter = Callable[[LesionShape, tuple[int, int], np.random.RandomState], Pigment]
_PAINTERS: dict[str, _Painter] = {"MEL": _melanoma, "NV": _naevus, "BKL": _keratosis}
