# SPDX-License-Identifier: Apache-2.0
"""A file of images without a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_gradprom.formats.stored import StoredImage


class MemoryImage(StoredImage):
    """Frames [n, C, *shape]; everything else that a header says by keyword. It counts how often it is decoded."""

    def __init__(self, frames, **header):
        self.array = frames
        self.path, self.format, self.affine = Path("image"), "DICOM", np.eye(4)
        self.spatial_dims = frames.ndim - 2
        self.frames, self.channels, *shape = frames.shape
        self.shape, self.dtype = tuple(shape), frames.dtype
        limits = np.iinfo(self.dtype) if self.dtype.kind in "ui" else None
        self.limits = (limits.min, limits.max) if limits else (-np.inf, np.inf)
        self.decoded = 0
        for name, value in header.items():
            setattr(self, name, value)

    def read(self, start=0, stop=None):
        self.decoded += 1
        return self.array[start:stop]
