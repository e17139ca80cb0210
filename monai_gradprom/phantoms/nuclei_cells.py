# SPDX-License-Identifier: Apache-2.0
"""Chromatin and cytoplasm of the six kinds of cells, painted as stain densities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .heart_shape import Array
from .nuclei_crypts import blend
from .nuclei_shapes import Nucleus, window
from .texture import smooth_step

__all__ = ["Paper", "paint_cell", "paint_nucleus"]

DARKNESS = {1: 1.15, 2: 0.62, 3: 1.05, 4: 0.78, 5: 0.88, 6: 0.85}
"""Optical density of haematoxylin within each kind of nucleus."""

CLUMPS = {1: 0.08, 2: 0.10, 3: 0.16, 4: 0.08, 5: 0.08, 6: 0.12}
"""Standard deviation of that density over a nucleus."""

CYTOPLASM = {1: (0.05, 0.16, 0.7), 3: (0.05, 0.07, 0.6), 4: (0.30, 0.28, 0.9), 5: (0.05, 0.48, 0.95)}
"""Haematoxylin, eosin and opacity of the cytoplasm of the kinds that show one."""


@dataclass(frozen=True)
class Paper:
    """What is painted on: two stain densities and two textures, all float [rows, columns].

    Attributes:
        haematoxylin: optical density, changed in place.
        eosin: the same.
        grain: fine noise of standard deviation 1.
        clumps: coarser noise of standard deviation 1.
    """

    haematoxylin: Array
    eosin: Array
    grain: Array
    clumps: Array


def paint_cell(paper: Paper, nucleus: Nucleus) -> None:
    """Paint the cytoplasm, if this kind shows one: red granules, a plasma cell's pale court, a lymphocyte's cleft."""
    if nucleus.kind not in CYTOPLASM:
        return
    part = window(nucleus, paper.eosin.shape)
    u, v = _frame(nucleus, part)
    haematoxylin, eosin, opacity = CYTOPLASM[nucleus.kind]
    cover = opacity * smooth_step(nucleus.cell_depth(u, v), -1, 1)
    grain = paper.grain[part]
    red = eosin * (1 + (0.28 if nucleus.kind == 5 else 0.12) * grain)
    blue = haematoxylin * (1 + 0.15 * grain)
    if nucleus.kind == 4:
        court = np.exp(-0.5 * (np.hypot(u - 8.0, v) / 3.2) ** 2)
        red, blue = red * (1 - 0.65 * court), blue * (1 - 0.75 * court)
    blend(paper.eosin[part], cover, red)
    blend(paper.haematoxylin[part], cover, blue)


def paint_nucleus(paper: Paper, nucleus: Nucleus, rng: np.random.RandomState) -> None:
    """Paint the nucleus; focus and darkness differ a little from one to the next."""
    part = window(nucleus, paper.eosin.shape)
    u, v = _frame(nucleus, part)
    depth = nucleus.depth(u, v)
    # Half covered where depth is 0, so that the outline in the picture is the outline in the labels.
    edge = rng.uniform(0.6, 1.5)
    cover = smooth_step(depth, -edge, edge)
    texture = CLUMPS[nucleus.kind] * (paper.clumps[part] + 0.5 * paper.grain[part])
    density = DARKNESS[nucleus.kind] * rng.uniform(0.8, 1.15) + texture + _pattern(nucleus.kind, u, v, depth, rng)
    blend(paper.haematoxylin[part], cover, np.clip(density, 0.25, None))
    blend(paper.eosin[part], cover, np.full_like(u, 0.24))


def _pattern(kind: int, u: Array, v: Array, depth: Array, rng: np.random.RandomState) -> Array:
    """What is typical: an epithelial nucleus has a membrane and nucleoli, a plasma cell's the spokes of a wheel."""
    rim = np.exp(-0.5 * ((depth - 0.9) / 0.8) ** 2)
    if kind == 2:
        nucleoli = np.zeros_like(u)
        for _ in range(int(rng.randint(1, 3))):
            place = rng.uniform((-5, -2.5), (5, 2.5))
            nucleoli += np.exp(-0.5 * ((u - place[0]) ** 2 + (v - place[1]) ** 2) / 1.3**2)
        return np.asarray(0.20 * rim + 0.42 * nucleoli)
    if kind == 4:
        spokes = np.cos(int(rng.randint(5, 7)) * np.arctan2(v, u) + rng.uniform(0, 6.3))
        radius = np.clip(np.hypot(u, v) / 4.5, 0, 1)
        return np.asarray(0.28 * spokes * radius + 0.15 * rim)
    return np.zeros_like(u)


def _frame(nucleus: Nucleus, part: tuple[slice, slice]) -> tuple[Array, Array]:
    return nucleus.frame(*np.mgrid[part].astype(float))
