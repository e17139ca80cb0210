# SPDX-License-Identifier: Apache-2.0
"""A picture of colon mucosa in haematoxylin and eosin at 0.5 µm a pixel, with every nucleus outlined and named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .nuclei_cells import Paper, paint_cell, paint_nucleus
from .nuclei_placement import CONNECTIVE, EPITHELIAL, Slide, add_crypts, scatter
from .nuclei_shapes import NUCLEI
from .nuclei_stain import draw_staining
from .nuclei_tissue import Tissue, draw_tissue
from .texture import smooth_field

__all__ = ["NucleiPhantom", "draw_composition", "nuclei_phantom"]


class NucleiPhantom(NamedTuple):
    """What `nuclei_phantom` makes.

    Attributes:
        image: uint8 [rows, columns, 3].
        inst_map: int32 [rows, columns]: 0 outside of nuclei, else 1 to N, each number one connected region.
        classes: int32 [N], the class value (1 to 6) of each number.
    """

    image: NDArray[np.uint8]
    inst_map: NDArray[np.int32]
    classes: NDArray[np.int32]


def draw_composition(rng: np.random.RandomState, dominant: int) -> dict[int, float]:
    """Shares of the nuclear area, of which `dominant` (1 to 6) has 50 to 65 % and no other more than 20 %.

    Raises:
        InputError: when `dominant` is no class.
    """
    if dominant not in NUCLEI:
        raise InputError(f"dominant is {dominant}; give a class from 1 to 6.")
    lead = rng.uniform(0.5, 0.65)
    weights = rng.uniform(0.2, 1, len(NUCLEI) - 1)
    shares = np.minimum((1 - lead) * weights / weights.sum(), 0.2)
    others = [kind for kind in NUCLEI if kind != dominant]
    return {dominant: float(lead)} | dict(zip(others, map(float, shares), strict=True))


def nuclei_phantom(
    rng: np.random.RandomState, shape: tuple[int, int] = (288, 288), composition: Mapping[int, float] | None = None
) -> NucleiPhantom:
    """Draw a picture with labels.

    Args:
        rng: draws everything; the same state gives the same picture.
        shape: (rows, columns), each at least 96.
        composition: share of the nuclear area for some or all of the classes 1 to 6, >= 0, with a positive sum; drawn
            when None. Epithelium comes in crypts as wholes, so its share is met roughly; a class whose share is
            clearly the greatest also covers the greatest area.

    Raises:
        InputError: for a picture that is too small or a composition that is none.
    """
    shares = draw_composition(rng, int(rng.randint(1, 7))) if composition is None else _checked(composition)
    if min(shape) < 96:
        raise InputError(f"shape is {shape}; give at least 96 rows and columns.")
    dominant = max(shares, key=lambda kind: shares[kind])
    total = shape[0] * shape[1] * rng.uniform(0.16, 0.22)
    slide = Slide(shape)
    crypts = add_crypts(slide, rng, shares.get(EPITHELIAL, 0) * total, packed=dominant == EPITHELIAL)
    tissue = draw_tissue(rng, shape, crypts, density=0.5 + 0.5 * shares.get(CONNECTIVE, 0))
    areas = {EPITHELIAL: float((slide.inst_map > 0).sum())}
    for kind in sorted(shares, key=lambda kind: -shares[kind]):
        if kind != EPITHELIAL:
            # A class never outgrows its share beside what the dominant one really got.
            reached = areas.get(dominant, shares[dominant] * total)
            budget = shares[kind] * min(total, reached / shares[dominant])
            areas[kind] = scatter(slide, tissue, kind, budget, rng)
    return _picture(slide, tissue, rng)


def _checked(composition: Mapping[int, float]) -> dict[int, float]:
    unknown = [kind for kind in composition if kind not in NUCLEI]
    if unknown or min(composition.values(), default=-1) < 0 or sum(composition.values()) <= 0:
        raise InputError(f"composition is {dict(composition)}; give shares >= 0 of the classes 1 to 6, one above 0.")
    return {kind: share / sum(composition.values()) for kind, share in composition.items() if share > 0}


def _picture(slide: Slide, tissue: Tissue, rng: np.random.RandomState) -> NucleiPhantom:
    shape = slide.inst_map.shape
    paper = Paper(tissue.haematoxylin, tissue.eosin, smooth_field(shape, 0.8, rng), smooth_field(shape, 1.4, rng))
    for nucleus in slide.nuclei:
        paint_cell(paper, nucleus)
    for nucleus in slide.nuclei:
        paint_nucleus(paper, nucleus, rng)
    image = draw_staining(rng).render(paper.haematoxylin, paper.eosin, rng)
    return NucleiPhantom(image, slide.inst_map, np.array([nucleus.kind for nucleus in slide.nuclei], np.int32))
