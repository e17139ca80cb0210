# SPDX-License-Identifier: Apache-2.0
"""Bands of rows of a frame that is too large to be calculated with at once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from monai_gradprom.formats import StoredImage

__all__ = ["Band", "Reach", "bands", "rows_of"]


@dataclass(frozen=True)
class Reach:
    """What a network's result for a pixel depends on.

    Args:
        radius: pixels that it sees on either side.
        multiple: sides that it takes are divisible by this, so that bands begin at multiples.
    """

    radius: int
    multiple: int = 1

    @property
    def overlap(self) -> int:
        """Rows beside a band that have to be shown, so that its own come out as in the whole frame."""
        return -(-self.radius // self.multiple) * self.multiple


@dataclass(frozen=True)
class Band:
    """Rows ``first`` to ``last`` - 1, which are kept, out of ``start`` to ``stop`` - 1, which the network sees."""

    start: int
    stop: int
    first: int
    last: int

    @property
    def kept(self) -> slice:
        """The rows that are kept, counted in those that the network sees."""
        return slice(self.first - self.start, self.last - self.start)


def bands(rows: int, most: int, reach: Reach) -> Iterator[Band]:
    """Cut ``rows`` into bands of which the network sees at most ``most``, or a few more if its reach asks for them."""
    step = max(most - 2 * reach.overlap, reach.overlap, reach.multiple)
    step -= step % reach.multiple
    for first in range(0, rows, step):
        last = min(first + step, rows)
        yield Band(max(first - reach.overlap, 0), min(last + reach.overlap, rows), first, last)


def rows_of(image: StoredImage, start: int, stop: int) -> StoredImage:
    """What is known of ``image``, as if it had these rows alone; its pixels cannot be read."""
    part = copy.copy(image)
    part.shape = (image.shape[0], stop - start)
    if image.regions is not None:
        part.regions = tuple((x0, y0 - start, x1, min(y1, stop) - start) for x0, y0, x1, y1 in image.regions)
    return part
