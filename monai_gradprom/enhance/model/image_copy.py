# SPDX-License-Identifier: Apache-2.0
"""Copying images between arrays whose axes lie in memory in different orders."""

from __future__ import annotations

import numpy as np
import torch

__all__ = ["copy_image"]


def copy_image(target: np.ndarray, source: np.ndarray) -> None:
    """Copy ``source`` to ``target``, both [C, *spatial] of one dtype.

    PyTorch transposes a plane block by block, three times as fast as NumPy, if the target is contiguous.
    """
    if target.ndim != 3:
        target[...] = source
        return
    for plane, pixels in zip(target, source, strict=True):
        if not plane.flags.c_contiguous:
            plane, pixels = plane.T, pixels.T
        torch.from_numpy(plane).copy_(torch.from_numpy(pixels))
