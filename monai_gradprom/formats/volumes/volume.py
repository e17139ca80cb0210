# SPDX-License-Identifier: Apache-2.0
"""What NIfTI and MetaImage have in common: numbers in a row, x fastest, behind a header."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError
from monai_gradprom.formats.guard import decoding, refuse_bomb, refuse_countless
from monai_gradprom.formats.pictures.alpha import enlarge
from monai_gradprom.formats.stored import NotAnImage
from monai_gradprom.formats.volumes.byte_source import ByteSource, InflatedBytes
from monai_gradprom.formats.writable import WritableImage, limits_of

__all__ = ["Layout", "StoredVolume", "finer_grid"]


@dataclass(frozen=True)
class Layout:
    """Where the numbers lie, and what they are."""

    axes: tuple[int, ...]
    """Number of voxels along x, y, z, time, ..."""
    stored: np.dtype
    """Of one sample, with its byte order."""
    source: ByteSource
    start: int
    """Position of the first sample in ``source``."""
    samples: int = 1
    """Samples that lie side by side for one voxel; a fourth is alpha."""
    planes: int = 1
    """Samples of one voxel that lie in volumes of their own, one behind the other."""


class StoredVolume(WritableImage):
    """An image file whose frames lie one behind the other.

    With ``spatial_dims`` 2 the frames are the slices over all axes but x and y, z fastest, then time; with 3 they are
    the volumes over all axes but x, y and z. Slices are read alone; of a compressed file, everything before them is
    inflated, once if the frames are asked for in order.

    Args:
        path: the file.
        spatial_dims: 2 or 3.
        layout: of its samples.

    Raises:
        NotAnImage: ``spatial_dims`` is 3 and the image is flat.
        InputError: the file is too small for so many voxels.
    """

    def __init__(self, path: Path, spatial_dims: int, layout: Layout) -> None:
        self.path, self.spatial_dims, self.layout = path, spatial_dims, layout
        if len(layout.axes) < spatial_dims:
            raise NotAnImage(f"{path}: holds a flat image, where the model wants volumes.")
        self.shape, self.frames = layout.axes[:spatial_dims], math.prod(layout.axes[spatial_dims:])
        self.channels = min(max(layout.samples, layout.planes), 3)
        self.dtype = layout.stored.newbyteorder("=")
        self.limits = limits_of(self.dtype)
        self._step = math.prod(self.shape) * layout.samples * layout.stored.itemsize
        self._refuse_what_cannot_be_there()

    def _refuse_what_cannot_be_there(self) -> None:
        file = self.layout.source.path
        size = file.stat().st_size
        needed = self.layout.start + self._step * self.frames * self.layout.planes
        if isinstance(self.layout.source, InflatedBytes):
            refuse_bomb(self.path, size, needed)
        elif needed > size:
            raise InputError(
                f"{self.path}: has {size} bytes (of data) where its header announces {needed}; "
                "put an intact copy in its place or leave it out."
            )
        refuse_countless(self.path, self.frames)

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """As :meth:`StoredImage.read`; NaN and infinity come as they are stored."""
        frames = self._read(self.span(start, stop))[:, : self.channels]
        return np.ascontiguousarray(frames.astype(self.dtype, copy=False))

    def _read(self, span: range) -> np.ndarray:
        """[n, samples or planes, *shape] as stored."""
        layout = self.layout
        size = len(span) * self._step
        grid = (len(span), *self.shape[::-1], layout.samples)
        with decoding(self.path):
            starts = [layout.start + (plane * self.frames + span.start) * self._step for plane in range(layout.planes)]
            planes = [np.frombuffer(layout.source.at(at, size), layout.stored).reshape(grid) for at in starts]
            if span.stop >= self.frames:
                layout.source.finish()
        voxels = planes[0] if layout.planes == 1 else np.concatenate(planes, axis=-1)  # [n, (z,) y, x, sample]
        return voxels.transpose(0, *range(voxels.ndim - 1, 0, -1))

    def _samples_of_result(self, frames: np.ndarray, factor: int) -> Iterator[bytes]:
        """All samples in the order of the file, one frame after the other."""
        for plane in range(self.layout.planes):
            for number, frame in enumerate(frames):
                samples = frame[plane : plane + 1] if self.layout.planes > 1 else frame
                if self.layout.samples > self.channels:
                    samples = np.concatenate([samples, self._alpha(number, factor)])
                yield samples.T.astype(self.layout.stored).tobytes()

    def _axes_of_result(self, factor: int) -> tuple[int, ...]:
        """Number of voxels along the stored axes, singletons included."""
        finer = (side * factor for side in self.shape)
        return (*finer, *self.layout.axes[self.spatial_dims :])

    def _alpha(self, number: int, factor: int) -> np.ndarray:
        alpha = self._read(range(number, number + 1))[0, self.channels :]
        return np.stack([enlarge(samples, factor) for samples in alpha])


def finer_grid(axes: int, factor: int) -> np.ndarray:
    """Indices of a finer grid to those of the grid that it replaces, 4 x 4.

    An index is a pixel's centre, so the first of ``factor`` times as many pixels lies (1/factor - 1)/2 old pixels
    before the old first one; the corners of the field of view stay.

    Args:
        axes: how many axes, from x on, become finer.
        factor: how many times.
    """
    finer = np.eye(4)
    finer[range(axes), range(axes)] = 1 / factor
    finer[range(axes), 3] = (1 / factor - 1) / 2
    return finer
