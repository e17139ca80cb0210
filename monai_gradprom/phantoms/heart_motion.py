# SPDX-License-Identifier: Apache-2.0
"""Contraction as a smooth, invertible map between end diastole and any later moment.

Tissue is followed, not redrawn: a scatterer or a mask pixel is carried through the map, so that speckle moves with the
wall that it belongs to and masks stay consistent with the image by construction.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .heart_shape import Array, HeartShape

__all__ = ["HeartMotion"]

_REACH = 40.0  # mm beyond the epicardium until which tissue takes part in the motion
_STEP = 0.5  # mm between the entries of the tables


class HeartMotion:
    """The map from end diastole to the moment at which a share `phase` of the contraction is done.

    Along the axis each point moves towards the apex, most at the mitral valve; across it the cavity narrows, the wall
    thickens and the surroundings follow less and less. Both directions are monotone, hence the map is invertible.

    Args:
        shape: the heart at end diastole.
        phase: 0 at end diastole, 1 at end systole.
    """

    def __init__(self, shape: HeartShape, phase: float) -> None:
        s = np.arange(-60.0, 260.0, _STEP)
        roof = shape.length + shape.atrium_length
        pull = np.interp(s, [0.0, shape.length, roof + 10], [0.0, 1.0, 0.0])
        ratio = np.interp(
            s,
            [0, 8, shape.length * 0.9, shape.length, shape.length + 15, roof, roof + 20],
            [1 - 0.6 * shape.narrowing * phase]
            + [1 - shape.narrowing * phase] * 2
            + [1 - 0.5 * shape.narrowing * phase, 1 + 0.14 * phase, 1 + 0.1 * phase, 1],
        )
        growth = 1 + shape.thickening * phase * np.interp(s, [0, 8, shape.length, shape.length + 5], [0.3, 1, 1, 0])
        zero = np.zeros_like(s)
        inner = np.where(s < shape.length, np.maximum(shape.cavity(s, zero), 1.0), np.maximum(shape.atrium(s), 4.0))
        outer = np.where(s < shape.length, np.maximum(shape.heart(s, zero) - inner, 3.0), 3.0)
        smooth = {"sigma": 4.0 / _STEP, "mode": "nearest"}
        self._s = s
        self._moved = s - shape.excursion * phase * gaussian_filter1d(pull, **smooth)
        self._inner = gaussian_filter1d(inner, **smooth)
        self._outer = self._inner + gaussian_filter1d(outer, **smooth)
        self._inner_moved = self._inner * gaussian_filter1d(ratio, **smooth)
        self._outer_moved = self._inner_moved + (self._outer - self._inner) * gaussian_filter1d(growth, **smooth)

    def forward(self, s: Array, t: Array) -> tuple[Array, Array]:
        """Where the tissue that lies at (s, t) at end diastole lies now, mm."""
        return np.interp(s, self._s, self._moved), self._across(s, t, inverse=False)

    def backward(self, s: Array, t: Array) -> tuple[Array, Array]:
        """Where the tissue that lies at (s, t) now lay at end diastole, mm."""
        material = np.interp(s, self._moved, self._s)
        return material, self._across(material, t, inverse=True)

    def _across(self, s: Array, t: Array, inverse: bool) -> Array:
        """Piecewise linear map of |t| through the knots axis, endocardium, epicardium, end of reach."""
        tables = (self._inner, self._outer), (self._inner_moved, self._outer_moved)
        old, new = tables[::-1] if inverse else tables
        a, b = (np.interp(s, self._s, table) for table in old)
        c, d = (np.interp(s, self._s, table) for table in new)
        far = np.interp(s, self._s, self._outer) + _REACH  # the same before and after: it rests
        size = np.abs(t)
        mapped = np.where(size < a, size * c / a, c + (size - a) * (d - c) / (b - a))
        mapped = np.where(size < b, mapped, d + (size - b) * (far - d) / (far - b))
        return np.sign(t) * np.where(size < far, mapped, size)
