# SPDX-License-Identifier: Apache-2.0
"""MetaImage files (.mha, .mhd with .raw or .zraw)."""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError
from monai_gradprom.formats.guard import decoding
from monai_gradprom.formats.stored import NotAnImage
from monai_gradprom.formats.volumes.byte_source import InflatedBytes, PlainBytes
from monai_gradprom.formats.volumes.metaimage_header import MetaHeader, data_files, read_meta_header
from monai_gradprom.formats.volumes.volume import Layout, StoredVolume

__all__ = ["MetaImage", "data_files", "open_metaimage"]

_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_MODALITIES = {"MET_MOD_CT": "CT", "MET_MOD_MR": "MR", "MET_MOD_NM": "NM", "MET_MOD_US": "US"}
_COMPRESSION = 2  # ITK's own


def open_metaimage(path: Path, spatial_dims: int = 2) -> MetaImage:
    """Open a MetaImage file by its header; see :class:`MetaImage`."""
    return MetaImage(path, spatial_dims)


class MetaImage(StoredVolume):
    """One MetaImage file of 2 to 4 axes, with its voxels inside (.mha) or in a file beside it (.mhd).

    Frames are as :class:`StoredVolume` says. ``rescale`` has ElementToIntensityFunctionSlope and -Offset, ``modality``
    the Modality. Three or four unsigned integers a voxel are RGB or RGBA.

    A result has the lines of the source's header in their order and their spelling; ElementMin, ElementMax and
    HeaderSize are dropped, and under a factor DimSize, ElementSpacing, ElementSize and Offset follow. Compressed voxels
    are compressed again. The data file of ``a.mhd`` is ``a.raw`` (``a.zraw``), or ``a.mhd.raw`` (and so on) where
    files of these names lie beside the source and belong to someone else. Bytes of the data file before and after the
    voxels are lost.

    Raises:
        NotAnImage: vectors that are no colours, more than four axes.
        InputError: the header is damaged or incomplete, its data file is missing, too short or not beside it, or voxels
            are written as text.
    """

    format = "MetaImage"

    def __init__(self, path: Path, spatial_dims: int) -> None:
        self._meta = read_meta_header(path)
        with decoding(path):
            layout = _layout(self._meta)
            super().__init__(path, spatial_dims, layout)
            self.affine = self._meta.affine()
            slope = self._meta.numbers("ElementToIntensityFunctionSlope", np.ones(1))[0]
            offset = self._meta.numbers("ElementToIntensityFunctionOffset", np.zeros(1))[0]
        if slope != 0:
            self.rescale = (float(slope), float(offset))
        self.modality = _MODALITIES.get(self._meta.text("Modality"))

    def write(self, target: Path, frames: np.ndarray, factor: int = 1) -> None:
        """As :meth:`WritableImage.write`; see the class for what changes."""
        self.check(frames, factor)
        samples: Iterable[bytes] = self._samples_of_result(frames, factor)
        packed = None
        if isinstance(self.layout.source, InflatedBytes):
            packer = zlib.compressobj(_COMPRESSION)
            samples = [*map(packer.compress, samples), packer.flush()]
            packed = sum(map(len, samples))
        local = self._meta.data_file() is None
        data = target if local else target.with_name(self._data_name(target, packed is not None))
        axes = self._axes_of_result(factor)
        header = self._meta.of_result(axes, self.spatial_dims, factor, "LOCAL" if local else data.name, packed)
        target.write_bytes(header)
        with data.open("ab" if local else "wb") as file:
            file.writelines(samples)

    def _data_name(self, target: Path, packed: bool) -> str:
        suffix = ".zraw" if packed else ".raw"
        own, taken, name = self._meta.data_file(), self.path.with_suffix(suffix), target.with_suffix(suffix).name
        end = suffix
        while taken != own and os.path.lexists(taken):
            taken, name = self.path.with_name(self.path.name + end), target.name + end
            end = ".voxels" + end
        return name


def _layout(meta: MetaHeader) -> Layout:
    """Where the voxels are; raises as :class:`MetaImage`, or ValueError for what is no number."""
    axes = tuple(int(side) for side in meta.text("DimSize").split())
    if not 1 < meta.dims < 5:
        raise NotAnImage(f"{meta.path}: has {meta.dims} axes; 2, 3 and 4 can be enhanced.")
    if len(axes) != meta.dims or min(axes) < 1:
        raise InputError(f"{meta.path}: DimSize is not {meta.dims} sizes; correct the header or leave it out.")
    kind, samples = _TYPES.get(meta.text("ElementType")), int(meta.text("ElementNumberOfChannels", "1"))
    if kind is None or meta.text("BinaryData", "True")[:1] not in "Tt1":
        raise InputError(f"{meta.path}: keeps its voxels as text or in an unknown type; convert it with ITK.")
    if samples != 1 and (samples not in (3, 4) or kind[0] != "u"):
        raise NotAnImage(f"{meta.path}: holds vectors that are no colours.")
    stored = np.dtype(kind).newbyteorder(">" if meta.flag("BinaryDataByteOrderMSB", "ElementByteOrderMSB") else "<")
    file = meta.data_file() or meta.path
    if not file.is_file():
        raise InputError(f"{meta.path}: the data file that it names is not there; put it beside the header.")
    start = meta.size if file == meta.path else int(meta.text("HeaderSize", "0"))
    if meta.flag("CompressedData"):
        return Layout(axes, stored, InflatedBytes(file, start if file == meta.path else 0), 0, samples)
    if start < 0:  # HeaderSize = -1: the voxels are the last bytes
        start = file.stat().st_size - math.prod(axes) * samples * stored.itemsize
    return Layout(axes, stored, PlainBytes(file), start, samples)
