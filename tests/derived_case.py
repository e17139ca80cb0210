# SPDX-License-Identifier: Apache-2.0
"""Sources for derived DICOM images, and the writing of one."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from dicom_datasets import write_dicom

from monai_gradprom.enhance.derived.image import Provenance, write_derived

STARTED = datetime(2025, 1, 2, 20, 30, 40, 678000, tzinfo=timezone.utc)
RUN = Provenance("camus_denoise", "1.2", "0.1.0", "ab" * 32, "run one", STARTED)
_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UC", "UN", "UR", "UT")
LITTLE, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"


def as_frames(pixels: np.ndarray, factor: int = 1) -> np.ndarray:
    """[rows, columns], [n, rows, columns] or, with colours last, one axis more → [n, C, columns, rows]."""
    if pixels.ndim == 2:
        pixels = pixels[None]
    pixels = pixels[:, None] if pixels.shape[-1] != 3 else np.moveaxis(pixels.reshape(-1, *pixels.shape[-3:]), -1, 1)
    return pixels.swapaxes(2, 3).repeat(factor, 2).repeat(factor, 3)


def read(path: Path) -> pydicom.FileDataset:
    """The header, with everything large left in the file."""
    return pydicom.dcmread(path, defer_size=256, force=True)


def derive(
    folder: Path, pixels: np.ndarray, factor: int = 1, run: Provenance = RUN, to: str = "explicit", **elements: Any
) -> pydicom.FileDataset:
    """Write a source of ``pixels`` with ``elements`` and derive an object with the same (enlarged) pixels from it."""
    source = write_dicom(folder / "source.dcm", pixels, **elements)
    target = folder / "derived.dcm"
    write_derived(read(source), target, as_frames(pixels, factor), run, factor, to)
    return pydicom.dcmread(target)


def raw_file(path: Path, elements: Iterable[tuple[int, str, bytes]], syntax: str = LITTLE) -> Path:
    """A file of elements whose bytes are given as they stand in the file; none is checked.

    Rows, columns (2 x 2), 8 bits of MONOCHROME2, class and UIDs are added where they are missing.
    """
    order = ">" if syntax == BIG else "<"
    us = {tag: ("US", struct.pack(f"{order}H", value)) for tag, value in _PIXELS.items()}
    ui = {0x00080016: ("UI", b"1.2.840.10008.5.1.4.1.1.7\0"), 0x00080018: ("UI", b"1.2.3.4\0")}
    rest = {0x0020000E: ("UI", b"1.2.3\0"), 0x00280004: ("CS", b"MONOCHROME2 "), 0x7FE00010: ("OW", bytes(4))}
    every = us | ui | rest | {tag: (vr, value) for tag, vr, value in elements}
    meta = _element("<", True, 0x00020010, "UI", syntax.encode() + b"\0" * (len(syntax) % 2))
    meta = _element("<", True, 0x00020000, "UL", struct.pack("<L", len(meta))) + meta
    body = b"".join(_element(order, syntax != IMPLICIT, tag, *every[tag]) for tag in sorted(every))
    path.write_bytes(bytes(128) + b"DICM" + meta + body)
    return path


_PIXELS = {0x00280002: 1, 0x00280010: 2, 0x00280011: 2, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0}


def _element(order: str, explicit: bool, tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<L", len(value)) + value
    if vr in _LONG:
        return head + vr.encode() + b"\0\0" + struct.pack(f"{order}L", len(value)) + value
    return head + vr.encode() + struct.pack(f"{order}H", len(value)) + value


def derive_raw(folder: Path, elements: Iterable[tuple[int, str, bytes]], syntax: str = LITTLE, **options: Any):
    """Derive an object from :func:`raw_file`, with black pixels."""
    source = raw_file(folder / "source.dcm", elements, syntax)
    write_derived(read(source), folder / "derived.dcm", np.zeros((1, 1, 2, 2), np.uint8), RUN, **options)
    return pydicom.dcmread(folder / "derived.dcm")
