# SPDX-License-Identifier: Apache-2.0
"""NIfTI files (.nii, .nii.gz)."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from monai_gradprom.formats.guard import decoding
from monai_gradprom.formats.volumes.byte_source import InflatedBytes, PlainBytes
from monai_gradprom.formats.volumes.nifti_header import (
    affine_of,
    checked,
    finer_header,
    is_gzip,
    read_header,
    refuse_no_image,
)
from monai_gradprom.formats.volumes.volume import Layout, StoredVolume

__all__ = ["NiftiImage", "open_nifti"]

_COMPRESSION = 1  # nibabel's own: level 9 takes five times as long and gains a few per cent


def open_nifti(path: Path, spatial_dims: int = 2) -> NiftiImage:
    """Open a NIfTI file by its header; see :class:`NiftiImage`."""
    return NiftiImage(path, spatial_dims)


class NiftiImage(StoredVolume):
    """One NIfTI-1 or NIfTI-2 file, compressed by gzip or not, of 2 to 4 axes and perhaps a fifth for RGB.

    Frames are as :class:`StoredVolume` says: slices over z, then time (``spatial_dims`` 2), or volumes over time (3).
    Values are the stored ones; ``rescale`` has scl_slope and scl_inter, ``window`` has cal_min and cal_max. Colour may
    be voxels of type RGB24 or RGBA32, or three volumes along the fifth axis.

    A result has the header of the source bit for bit, extensions, scaling and byte order included; under a factor, size
    and place follow (:func:`finer_header`). Bytes that no extension accounts for, between header and image, become
    zero. What was compressed is compressed again, without name and time.

    Raises:
        NotAnImage: a pair of files (.hdr, .img), labels, vectors, complex numbers.
        InputError: the file is damaged or cut off.
    """

    format = "NIfTI"

    def __init__(self, path: Path, spatial_dims: int) -> None:
        self._header = read_header(path)
        header = checked(self._header, path)
        with decoding(path):
            refuse_no_image(header, path)
            shape, dtype = header.get_data_shape(), header.get_data_dtype()
            self._compressed, self._offset = is_gzip(path), int(header.get_data_offset())
            layout = Layout(
                axes=shape[:4],
                stored=np.dtype(np.uint8) if dtype.fields else dtype,
                source=InflatedBytes(path) if self._compressed else PlainBytes(path),
                start=self._offset,
                samples=len(dtype.fields or "1"),
                planes=math.prod(shape[4:]),
            )
            super().__init__(path, spatial_dims, layout)
            self.affine = affine_of(header)
            slope, intercept = header.get_slope_inter()
        if slope is not None and not dtype.fields:
            self.rescale = (float(slope), float(intercept))
        low, high = float(header["cal_min"]), float(header["cal_max"])
        self.window = (low, high) if low < high else None

    def write(self, target: Path, frames: np.ndarray, factor: int = 1) -> None:
        """As :meth:`WritableImage.write`; see the class for what changes."""
        self.check(frames, factor)
        header = finer_header(self._header, self._axes_of_result(factor), self.spatial_dims, factor, self.path)
        with target.open("wb") as file:
            if not self._compressed:
                self._put(file, header, frames, factor)
                return
            with gzip.GzipFile("", "wb", _COMPRESSION, fileobj=file, mtime=0) as packed:
                self._put(cast(BinaryIO, packed), header, frames, factor)

    def _put(self, file: BinaryIO, header: Any, frames: np.ndarray, factor: int) -> None:
        header.write_to(file)
        file.write(bytes(self._offset - file.tell()))
        for samples in self._samples_of_result(frames, factor):
            file.write(samples)
