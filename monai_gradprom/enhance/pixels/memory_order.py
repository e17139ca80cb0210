# SPDX-License-Identifier: Apache-2.0
"""The order in which the axes of an array lie in memory.

Files hold rows of pixels; MONAI names columns first. Arithmetic on arrays of one order costs little; each copy from one
order to the other costs as much as twenty additions. So arrays stay as the file has them until the network sees them.
"""

from __future__ import annotations

import numpy as np

__all__ = ["channels_first", "laid_out", "named"]


def channels_first(rows: np.ndarray) -> np.ndarray:
    """[n, (Z,) Y, X, C], as files have it, seen as [n, C, X, Y(, Z)]."""
    last = rows.ndim - 1
    return rows.transpose(0, last, *range(last - 1, 0, -1))


def laid_out(array: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """A view whose axes are in the order of memory, and which axis of ``array`` each one is."""
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    return array.transpose(order), order


def named(view: np.ndarray, order: list[int]) -> np.ndarray:
    """What :func:`laid_out` was given."""
    return view.transpose(np.argsort(order))
