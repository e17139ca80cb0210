# SPDX-License-Identifier: Apache-2.0
"""What the files have in common that are written back in a format of their own, that is, all but DICOM."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

import numpy as np

from monai_gradprom.formats.stored import StoredImage

__all__ = ["WritableImage"]


class WritableImage(StoredImage):
    """A stored image that can be written again with other pixels, and with everything else that it holds."""

    suffix_added: str = ""
    """What the name of a result gets in addition: ".png" where the format of the source would lose something."""

    @abstractmethod
    def write(self, target: Path, frames: np.ndarray, factor: int = 1) -> None:
        """Write ``frames`` with all that the source holds besides; the same input gives the same bytes.

        Args:
            target: the file, under its final name (a header may name its data file after it); its folder exists. A
                data file is written beside it. The write is not atomic: give a folder that nobody reads from.
            frames: [``frames``, ``channels``, *``shape``] of ``dtype``; with ``factor`` f, f * ``shape``.
            factor: of super-resolution. Spacing, resolution and origin follow, so that the field of view stays.

        Raises:
            InputError: the source has changed or vanished, or the result does not fit into its format.
            ValueError: ``frames`` has another shape or dtype.
            OSError: the file cannot be written.
        """

    def check(self, frames: np.ndarray, factor: int) -> None:
        """Raise ValueError unless ``frames`` is what :meth:`write` takes."""
        expected = (self.frames, self.channels, *(side * factor for side in self.shape))
        if frames.shape != expected or frames.dtype != self.dtype:
            raise ValueError(f"frames are {frames.dtype} {frames.shape}. Did you mean {self.dtype} {expected}?")

    def span(self, start: int, stop: int | None) -> range:
        """The numbers of the frames that :meth:`read` is asked for."""
        return range(self.frames)[start:stop]


def limits_of(dtype: np.dtype) -> tuple[float, float]:
    """Lowest and highest value of ``dtype``; infinite for floats."""
    if dtype.kind == "f":
        return -np.inf, np.inf
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
