# SPDX-License-Identifier: Apache-2.0
"""Alpha, which no network sees, on a finer grid."""

from __future__ import annotations

import numpy as np

__all__ = ["enlarge"]


def enlarge(alpha: np.ndarray, factor: int) -> np.ndarray:
    """Interpolate linearly to ``factor`` times as many pixels over the same field of view.

    Linear, since it cannot overshoot: opaque stays opaque. Integers are rounded to the nearest.

    Args:
        alpha: [rows, columns] or [slices, rows, columns].
        factor: 1 returns ``alpha`` itself.
    """
    if factor == 1:
        return alpha
    from scipy.ndimage import zoom

    # grid_mode: pixels have an extent, and the outer edges of the first and the last stay where they are
    fine = zoom(alpha.astype(np.float64), factor, order=1, mode="nearest", grid_mode=True)
    fine = np.rint(fine) if alpha.dtype.kind in "ui" else fine
    result: np.ndarray = fine.astype(alpha.dtype)
    return result
