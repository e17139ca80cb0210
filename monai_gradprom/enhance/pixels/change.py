# SPDX-License-Identifier: Apache-2.0
"""How much a file was changed."""

from __future__ import annotations

import numpy as np

__all__ = ["Change"]


class Change:
    """Mean and largest absolute change of stored values, added up piece by piece.

    Example:
        >>> change = Change()
        >>> change.add(np.array([1, 2], dtype=np.uint8), np.array([1, 0], dtype=np.uint8))
        >>> change.mean_abs, change.max_abs
        (1.0, 2.0)
    """

    def __init__(self) -> None:
        self._sum = 0.0
        self._count = 0
        self.max_abs = 0.0
        """The largest change of any value."""

    @property
    def mean_abs(self) -> float:
        """Over all values, the unchanged ones included."""
        return self._sum / self._count if self._count else 0.0

    def add(self, before: np.ndarray, after: np.ndarray) -> None:
        """Count a piece.

        Args:
            before: stored values; under super-resolution those of the interpolated source.
            after: what was written in their place, of the same shape. NaN and infinity, which are never written where
                they were not before, count as unchanged.
        """
        self._count += after.size
        if before is after or not after.size:
            return
        with np.errstate(invalid="ignore"):  # inf - inf
            difference = np.subtract(after, before, dtype=np.float64)
        np.abs(difference, out=difference)
        if after.dtype.kind == "f":
            difference = np.nan_to_num(difference, copy=False, nan=0.0, posinf=0.0)
        self._sum += float(difference.sum())
        self.max_abs = max(self.max_abs, float(difference.max()))
