# SPDX-License-Identifier: Apache-2.0
"""What every file of images has in common, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError

__all__ = ["NotAnImage", "Region", "StoredImage"]

Region = tuple[int, int, int, int]
"""(x0, y0, x1, y1), half open, in pixels: columns x0 to x1 - 1 and rows y0 to y1 - 1."""


class NotAnImage(InputError):
    """The file is sound, but holds nothing to enhance: a report, a directory of files, labels, doses, a text."""


class StoredImage(ABC):
    """One file, opened: its header is known, its pixels are read when asked for.

    A file holds ``frames`` images of one shape: the frames of a cine, the slices of a volume (``spatial_dims`` 2) or
    the volumes of a sequence (``spatial_dims`` 3). Axes come as MONAI has them: channel first, then x, y (and z), where
    x counts columns. Colour is always RGB; an alpha channel is kept by the file and is no channel here.
    """

    path: Path
    format: str
    """As people call it: ``"DICOM"``, ``"NIfTI"``, ``"MetaImage"``, ``"PNG"``, ``"TIFF"``, ``"JPEG"``, ``"BMP"``."""
    spatial_dims: int
    frames: int
    channels: int
    """1 (grey) or 3 (RGB)."""
    shape: tuple[int, ...]
    """Of one frame, x first: (columns, rows) or (columns, rows, slices)."""
    dtype: np.dtype
    """Of what :meth:`read` returns and a writer takes, in native byte order."""
    limits: tuple[float, float]
    """Lowest and highest value that the file can hold: 12 bits stored in 16 give (0, 4095). Infinite for floats."""
    affine: np.ndarray
    """4 x 4, float64: indices of the first frame to millimetres, RAS. Identity where the file does not say."""
    rescale: tuple[float, float] = (1.0, 0.0)
    """Slope and intercept from stored values to modality units (Hounsfield units for CT)."""
    window: tuple[float, float] | None = None
    """Lowest and highest value, in modality units, of the grey scale that the file asks viewers to show."""
    inverted: bool = False
    """Low values are bright (MONOCHROME1)."""
    padding: tuple[float, float] | None = None
    """First and last stored value that mean "no pixel here"."""
    regions: tuple[Region, ...] | None = None
    """Where a frame is image and not user interface; None: everywhere."""
    modality: str | None = None
    """DICOM (0008,0060), such as ``"US"``."""
    series: str | None = None
    """DICOM (0020,000E); None: the file is a series of its own."""

    @abstractmethod
    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Decode frames ``start`` to ``stop`` - 1 and no others, where the format allows.

        Returns:
            [n, channels, *shape] of ``dtype``, in stored values (before ``rescale``).

        Raises:
            InputError: the pixels are truncated, damaged, or need a decoder that is not installed.
        """
