# SPDX-License-Identifier: Apache-2.0
"""The six kinds of nuclei that Lizard tells apart: their outlines and the cells around them, at 0.5 µm a pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .heart_shape import Array

__all__ = ["NUCLEI", "Nucleus", "draw_nucleus", "window"]

NUCLEI = {1: "neutrophil", 2: "epithelial", 3: "lymphocyte", 4: "plasma", 5: "eosinophil", 6: "connective"}
"""Name of each class value in Lizard's label files."""

Oval = tuple[float, float, float, float]
"""Centre (u, v) and half axes (along u, along v) in the nucleus's own frame, pixels."""


@dataclass(frozen=True)
class Nucleus:
    """One nucleus: a smooth union of ovals in a frame (u, v) of its own.

    Attributes:
        kind: class value, 1 to 6.
        parts: the ovals.
        cell: the oval of its cytoplasm, or None where that is not told from the surroundings.
        row: place of the frame's origin in the picture.
        column: the same.
        angle: direction of u, radians from the column axis towards the row axis.
        bend: curvature of the u axis, 1 / pixels.
        wobble: (amplitude in pixels, phase, phase) of an irregular outline.
    """

    kind: int
    parts: tuple[Oval, ...]
    cell: Oval | None = None
    row: float = 0.0
    column: float = 0.0
    angle: float = 0.0
    bend: float = 0.0
    wobble: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def moved(self, row: float, column: float, angle: float) -> Nucleus:
        """The same nucleus elsewhere."""
        return replace(self, row=row, column=column, angle=angle)

    @property
    def reach(self) -> float:
        """Radius around the origin that holds the nucleus and its cell, pixels."""
        ovals = (*self.parts, self.cell) if self.cell else self.parts
        return max(float(np.hypot(u, v)) + max(a, b) for u, v, a, b in ovals) + 4

    def frame(self, rows: Array, columns: Array) -> tuple[Array, Array]:
        """Coordinates (u, v) of pixels, with bend and wobble undone."""
        down, right = rows - self.row, columns - self.column
        u = right * np.cos(self.angle) + down * np.sin(self.angle)
        v = down * np.cos(self.angle) - right * np.sin(self.angle)
        size, first, second = self.wobble
        v = v - 0.5 * self.bend * u**2
        return u + size * np.sin(0.4 * v + first), v + size * np.sin(0.4 * u + second)

    def depth(self, u: Array, v: Array) -> Array:
        """Distance below the nuclear membrane, roughly, in pixels; negative outside."""
        return _union([_inside(oval, u, v) for oval in self.parts])

    def cell_depth(self, u: Array, v: Array) -> Array:
        """Distance below the cell membrane, roughly, in pixels; negative outside and where there is no cell."""
        return _inside(self.cell, u, v) if self.cell else np.full(np.shape(u), -np.inf)


def window(nucleus: Nucleus, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a picture that hold a nucleus; empty slices when it lies outside."""
    spans = []
    for centre, size in zip((nucleus.row, nucleus.column), shape, strict=True):
        first, last = np.clip([int(centre - nucleus.reach), int(centre + nucleus.reach) + 2], 0, size)
        spans.append(slice(int(first), int(last)))
    return spans[0], spans[1]


def draw_nucleus(kind: int, rng: np.random.RandomState) -> Nucleus:
    """Draw a nucleus of a class, at the origin.

    Args:
        kind: class value, 1 to 6.
        rng: draws its size and form.
    """
    wobble = (rng.uniform(0.2, 0.9), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi))
    return replace(_DRAW[kind](rng, np.exp(np.clip(rng.normal(0, 0.11), -0.2, 0.25))), wobble=wobble)


def _neutrophil(rng: np.random.RandomState, scale: float) -> Nucleus:
    """Three or four small lobes on a bow, joined by strands, in a small pale cell."""
    lobes, radius = int(rng.randint(3, 5)), 3.3 * scale
    turns = np.arange(lobes) * rng.uniform(1.35, 1.6) + rng.normal(0, 0.12, lobes)
    centres = [(radius * float(np.cos(turn)), radius * float(np.sin(turn))) for turn in turns]
    sizes = rng.uniform(2.2, 2.8, lobes) * scale
    parts = [(u, v, float(size), float(size)) for (u, v), size in zip(centres, sizes, strict=True)]
    strands = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, 1.4, 1.4) for a, b in pairwise(centres)]
    return Nucleus(1, (*parts, *strands), cell=(0.0, 0.0, 7.5 * scale, 7 * scale))


def _epithelial(rng: np.random.RandomState, scale: float) -> Nucleus:
    """A large oval."""
    return Nucleus(2, ((0.0, 0.0, rng.uniform(8.8, 10.8) * scale, rng.uniform(5.6, 6.6) * scale),))


def _lymphocyte(rng: np.random.RandomState, scale: float) -> Nucleus:
    """A small disc with hardly any cytoplasm, often in a cleft."""
    radius = 5.7 * scale
    return Nucleus(3, ((0.0, 0.0, radius * rng.uniform(1, 1.12), radius),), cell=(0.0, 0.0, radius + 2.2, radius + 2))


def _plasma(rng: np.random.RandomState, scale: float) -> Nucleus:
    """A disc at one end of an oval cell."""
    radius = 6.5 * scale
    parts = ((0.0, 0.0, radius * rng.uniform(1, 1.1), radius),)
    return Nucleus(4, parts, cell=(4.6 * scale, 0.0, 12.5 * scale, 9.0 * scale))


def _eosinophil(rng: np.random.RandomState, scale: float) -> Nucleus:
    """Two lobes joined by a strand in a round red cell."""
    gap, size = 4.1 * scale, 4.0 * scale
    shift = -2.2 * scale
    lobes = tuple((side * gap, shift, size * rng.uniform(0.9, 1.05), size * rng.uniform(1.0, 1.2)) for side in (-1, 1))
    return Nucleus(5, (*lobes, (0.0, shift, 2.5, 1.5)), cell=(0.0, 0.8, 10.5 * scale, 9.5 * scale))


def _connective(rng: np.random.RandomState, scale: float) -> Nucleus:
    """A long thin spindle, often bent."""
    parts = ((0.0, 0.0, rng.uniform(11, 16) * scale, rng.uniform(2.4, 3.3) * scale),)
    return Nucleus(6, parts, bend=rng.normal(0, 0.02))


_DRAW: dict[int, Callable[[np.random.RandomState, float], Nucleus]] = {
    1: _neutrophil,
    2: _epithelial,
    3: _lymphocyte,
    4: _plasma,
    5: _eosinophil,
    6: _connective,
}


def _inside(oval: Oval, u: Array, v: Array) -> Array:
    centre_u, centre_v, along, across = oval
    return np.asarray((1 - np.hypot((u - centre_u) / along, (v - centre_v) / across)) * min(along, across))


def _union(depths: list[Array]) -> Array:
    """Smooth maximum, so that lobes flow into each other."""
    return np.asarray(np.logaddexp.reduce(np.stack(depths) * 2.5, axis=0) / 2.5)
