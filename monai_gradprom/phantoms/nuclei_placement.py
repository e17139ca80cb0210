# SPDX-License-Identifier: Apache-2.0
"""Where nuclei lie: epithelial ones in crypts, the others strewn over the stroma, none over another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from .nuclei_crypts import BESIDE, Crypt, draw_crypt, draw_outline
from .nuclei_shapes import Nucleus, draw_nucleus, window
from .nuclei_tissue import Tissue
from .texture import smooth_field

__all__ = ["CONNECTIVE", "EPITHELIAL", "Slide", "add_crypts", "scatter"]

EPITHELIAL, CONNECTIVE = 2, 6
EPITHELIAL_AREA = 170.0
"""Mean pixels of an epithelial nucleus."""

TRIES, SPACING, GAP = 40, 42, 7
"""How often a place for a crypt is sought; its least distance, from its middle and its wall, to another, pixels."""

SMALLEST = 20
"""Fewest visible pixels of a nucleus that the border of the picture cuts."""


class Slide:
    """Where nuclei lie so far.

    Attributes:
        inst_map: int32 [rows, columns], the number of each pixel's nucleus, 0 outside.
        covered: bool [rows, columns], nuclei and their cytoplasm.
        nuclei: number n is `nuclei[n - 1]`.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.inst_map = np.zeros(shape, np.int32)
        self.covered = np.zeros(shape, bool)
        self.nuclei: list[Nucleus] = []

    def add(self, nucleus: Nucleus) -> int:
        """Place a nucleus if it covers no other one, in one piece; return the pixels it got, 0 if it had no room."""
        part = window(nucleus, self.inst_map.shape)
        u, v = nucleus.frame(*np.mgrid[part].astype(float))
        depth, cell = nucleus.depth(u, v), nucleus.cell_depth(u, v)
        body = depth > 0
        clash = (self.inst_map[part] > 0) & ((depth > -1) | (cell > 0)) | self.covered[part] & body
        if body.sum() < SMALLEST or clash.any() or label(body)[1] > 1:
            return 0
        self.nuclei.append(nucleus)
        self.inst_map[part][body] = len(self.nuclei)
        self.covered[part] |= body | (cell > 0)
        return int(body.sum())


def add_crypts(slide: Slide, rng: np.random.RandomState, budget: float, packed: bool) -> list[Crypt]:
    """Place epithelial nuclei, in crypts that do not touch each other.

    Args:
        slide: gets the nuclei.
        rng: draws the crypts.
        budget: pixels that the nuclei should cover, about; too few for a crypt make none.
        packed: exceed the budget rather than have no crypt.
    """
    crypts: list[Crypt] = []
    shape = slide.inst_map.shape
    room = np.full(shape, np.inf)  # distance to the nearest crypt
    for _ in range(TRIES):
        free, needed = np.flatnonzero(room > SPACING), packed and not crypts
        if (budget < 5 * EPITHELIAL_AREA and not needed) or not len(free):
            break
        row, column = divmod(int(rng.choice(free)), shape[1])
        outline = draw_outline(rng, row, column)
        mask = outline.mask(shape)
        too_large = _palisade_area(mask) > budget * (1.5 if packed else 1.1) and not needed
        if too_large or (room[mask] < GAP).any():
            continue
        crypt = draw_crypt(rng, shape, outline)
        crypts.append(crypt)
        room = np.minimum(room, -crypt.depth)
        budget -= sum(slide.add(draw_nucleus(EPITHELIAL, rng).moved(*place)) for place in crypt.places)
    return crypts


def _palisade_area(mask: NDArray[np.bool_]) -> float:
    """About how many pixels the nuclei of a crypt cover, from the visible length of its outline."""
    # A curve of length s crosses the lines of a unit grid 4 s / pi times (Cauchy and Crofton).
    crossings = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    inner = 0.8  # the ring of nuclei is shorter than the outline
    return float(np.pi / 4 * crossings * inner / BESIDE * EPITHELIAL_AREA)


def scatter(slide: Slide, tissue: Tissue, kind: int, budget: float, rng: np.random.RandomState) -> float:
    """Strew a class over the stroma, in flocks, until it covers `budget` pixels; return what it covers."""
    crowd = np.exp(0.8 * smooth_field(slide.inst_map.shape, 25, rng)) * tissue.stroma
    chance = np.cumsum(crowd.ravel())
    area = 0.0
    for place in np.searchsorted(chance, rng.uniform(0, chance[-1], 1500)):
        if area >= budget:
            break
        row, column = divmod(int(place), slide.inst_map.shape[1])
        angle = float(tissue.direction[row, column] + rng.normal(0, 0.2)) if kind == CONNECTIVE else rng.uniform(0, 6.3)
        area += slide.add(draw_nucleus(kind, rng).moved(row + rng.uniform(), column + rng.uniform(), angle))
    return area
