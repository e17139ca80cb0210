# SPDX-License-Identifier: Apache-2.0
"""Colour for networks that know only grey."""

from __future__ import annotations

import numpy as np

__all__ = ["ULTRASOUND", "WEIGHTS", "luminance"]

WEIGHTS = (0.299, 0.587, 0.114)
"""Of red, green and blue: ITU-R BT.601, as in DICOM's YBR_FULL (PS3.3 C.7.6.3.1.2)."""


ULTRASOUND = frozenset(("US", "IVUS"))
"""Modalities whose colour is laid over a grey image, so that luminance is what a network for grey images knows."""


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Y = 0.299 R + 0.587 G + 0.114 B.

    Args:
        rgb: [3, ...], any dtype.

    Returns:
        float64, [1, ...].
    """
    red, green, blue = WEIGHTS
    y = np.multiply(rgb[0], red, dtype=np.float64)
    y += np.multiply(rgb[1], green, dtype=np.float64)
    y += np.multiply(rgb[2], blue, dtype=np.float64)
    return y[None]
