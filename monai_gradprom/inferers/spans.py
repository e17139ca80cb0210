# SPDX-License-Identifier: Apache-2.0
"""Cutting one axis of an image into equal, overlapping windows, each of which vouches for its core."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Span", "cut_axis", "smallest_window"]


@dataclass(frozen=True)
class Span:
    """One window on one axis, in pixels.

    Attributes:
        start: first pixel that the network sees.
        stop: behind the last pixel that the network sees.
        core_start: first pixel that is kept.
        core_stop: behind the last pixel that is kept.
    """

    start: int
    stop: int
    core_start: int
    core_stop: int

    def window(self) -> slice:
        """What the network sees, in the image."""
        return slice(self.start, self.stop)

    def core(self, factor: int = 1) -> slice:
        """What is kept, in an image enlarged by ``factor``."""
        return slice(factor * self.core_start, factor * self.core_stop)

    def core_in_window(self, factor: int = 1) -> slice:
        """What is kept, in a window enlarged by ``factor``."""
        return slice(factor * (self.core_start - self.start), factor * (self.core_stop - self.start))


def smallest_window(halo: int, multiple: int = 1) -> int:
    """The shortest window, a multiple of ``multiple``, that leaves at least ``multiple`` pixels between two halos."""
    return _round_up(2 * halo, multiple) + multiple


def cut_axis(side: int, limit: int, halo: int, multiple: int = 1) -> list[Span]:
    """Cut an axis into as few windows as possible, all of one length, as short as that number allows.

    Every kept pixel has ``halo`` pixels of its window on either side, or all that there are up to the image's border.

    Args:
        side: length of the axis, divisible by ``multiple``.
        limit: no window is longer; at least :func:`smallest_window` unless the axis itself is not longer.
        halo: pixels that a kept pixel needs beside it.
        multiple: windows begin at and are long multiples of it.
    """
    if side <= limit:
        return [Span(0, side, 0, side)]
    longest = limit - limit % multiple
    count = 1 + -(-(side - longest) // _step(longest, halo, multiple))
    lengths = range(smallest_window(halo, multiple), longest + 1, multiple)
    length = next(n for n in lengths if (count - 1) * _step(n, halo, multiple) >= side - n)
    starts = [min(i * _step(length, halo, multiple), side - length) for i in range(count)]
    cores = pairwise([0, *(start + halo for start in starts[1:]), side])
    return [Span(start, start + length, *core) for start, core in zip(starts, cores, strict=True)]


def _step(length: int, halo: int, multiple: int) -> int:
    between = length - 2 * halo
    return between - between % multiple


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
