# SPDX-License-Identifier: Apache-2.0
"""NIfTI-1 and NIfTI-2 headers: read, judged, and fitted to a finer grid."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

from monai_gradprom.errors import InputError
from monai_gradprom.formats.guard import decoding, quiet
from monai_gradprom.formats.stored import NotAnImage
from monai_gradprom.formats.volumes.volume import finer_grid

__all__ = ["affine_of", "checked", "finer_header", "is_gzip", "read_header", "refuse_no_image"]

_LABELS = 1002
# matrices, displacements, vectors, points, triangles, quaternions
_NO_COLOURS = range(1004, 1011)
_MILLIMETRES = {1: 1000.0, 3: 0.001}  # per metre, per micrometre
_LONGEST = 1 << 26  # bytes before the voxels: extensions are read whole


def is_gzip(path: Path) -> bool:
    """Whether the file is compressed, whatever its name."""
    with decoding(path), path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def read_header(path: Path) -> Any:
    """The header with its extensions, every bit as it is stored (a nibabel ``Nifti1Header`` or ``Nifti2Header``).

    Raises:
        NotAnImage: it is one of a pair of files.
        InputError: it is no NIfTI header, or damaged.
    """
    from nibabel import Nifti1Header, Nifti2Header

    with decoding(path), gzip.open(path) if is_gzip(path) else path.open("rb") as file:
        head = file.read(540)
        sizes = struct.unpack("<i", head[:4]) + struct.unpack(">i", head[:4])
        magic = head[4:8] if 540 in sizes else head[344:348]
        if magic[:3] in (b"ni1", b"ni2"):
            raise NotAnImage(f"{path}: is a header whose image is another file; convert the pair to one .nii file.")
        if magic[:3] not in (b"n+1", b"n+2"):
            raise InputError(f"{path}: has no NIfTI header; put an intact copy in its place or leave it out.")
        _refuse_long(head, "<" if sizes[0] in (348, 540) else ">", 540 in sizes, path)
        file.seek(0)
        return (Nifti2Header if 540 in sizes else Nifti1Header).from_fileobj(file, check=False)


def _refuse_long(head: bytes, order: str, second: bool, path: Path) -> None:
    """Refuse voxels that begin far behind the header; ``second``: of NIfTI-2."""
    at, form = (168, "q") if second else (108, "f")
    start = struct.unpack_from(order + form, head, at)[0]
    if not start <= _LONGEST:
        raise InputError(f"{path}: has no voxels within {_LONGEST} bytes of its beginning; correct vox_offset.")


def checked(header: Any, path: Path) -> Any:
    """A copy with small faults mended (a sign of voxel sizes, say), so that its methods can be used.

    Raises:
        InputError: the faults are not small.
    """
    with decoding(path), quiet("nibabel.global"):
        return type(header)(header.binaryblock, endianness=header.endianness, check=True)


def refuse_no_image(header: Any, path: Path) -> None:
    """Refuse what holds no picture.

    Raises:
        NotAnImage: a single axis, labels, vectors that are no colours, complex numbers, floats of 128 bits.
        InputError: an axis without voxels, or voxels within the header.
    """
    shape, dtype, intent = header.get_data_shape(), header.get_data_dtype(), int(header["intent_code"])
    if min(shape, default=0) < 1:
        raise InputError(f"{path}: has an axis without voxels; put an intact copy in its place or leave it out.")
    if header.get_data_offset() < header.single_vox_offset:  # 0, which nibabel lets pass
        raise InputError(f"{path}: claims that its voxels begin within its header; correct vox_offset or leave it out.")
    if len(shape) < 2:
        raise NotAnImage(f"{path}: holds numbers along a single axis.")
    if intent == _LABELS:
        raise NotAnImage(f"{path}: holds labels.")
    vector = shape[4] if len(shape) > 4 else 1
    numbers = dtype.fields is None and dtype.kind != "u" and intent in _NO_COLOURS
    if vector not in (1, 3) or (vector == 3 and (numbers or dtype.fields)) or max((1, *shape[5:])) > 1:
        raise NotAnImage(f"{path}: holds vectors that are no colours.")
    if dtype.fields is None and (dtype.kind not in "uif" or dtype.itemsize > 8):
        raise NotAnImage(f"{path}: holds numbers of type {dtype}; convert them to integers or floats.")


def affine_of(header: Any) -> np.ndarray:
    """The best affine of a :func:`checked` header in millimetres; voxels of no unit count as millimetres."""
    affine = np.array(header.get_best_affine(), dtype=np.float64)
    affine[:3] *= _MILLIMETRES.get(int(header["xyzt_units"]) & 7, 1.0)
    return affine


def finer_header(header: Any, axes: tuple[int, ...], spatial: int, factor: int, path: Path) -> Any:
    """The header of a result; but for size and place, every field is the source's.

    pixdim, sform and qform follow ``factor``; with three finer axes the timing of slices is cleared, as the source's
    slices are no longer there.

    Args:
        header: of the source.
        axes: of the result, without vectors.
        spatial: how many of them are finer.
        factor: how many times.
        path: of the source.

    Raises:
        InputError: an axis becomes too long for NIfTI-1.
    """
    finer = header.copy()
    if factor == 1:
        return finer
    if max(axes) > np.iinfo(finer["dim"].dtype).max:
        raise InputError(f"{path}: NIfTI-1 cannot hold {max(axes)} voxels along an axis; convert it to NIfTI-2.")
    grid = finer_grid(spatial, factor)
    finer["dim"][1 : 1 + len(axes)] = axes
    finer["pixdim"][1 : 1 + spatial] /= factor
    rows = np.stack([finer[f"srow_{row}"] for row in "xyz"]).astype(np.float64) @ grid
    for name, row in zip("xyz", rows, strict=True):
        finer[f"srow_{name}"] = row
    if int(header["qform_code"]) > 0:
        origin = (checked(header, path).get_qform() @ grid)[:3, 3]
        for name, place in zip("xyz", origin, strict=True):
            finer[f"qoffset_{name}"] = place
    if spatial == 3:
        for field in ("slice_code", "slice_start", "slice_end", "slice_duration"):
            finer[field] = 0
    return finer
