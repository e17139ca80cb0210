# SPDX-License-Identifier: Apache-2.0
"""Transfer syntaxes that derived images are written in, all without loss (PS3.5 Annex A)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from monai_gradprom import __version__
from monai_gradprom.errors import InputError

from .compress import COMPRESSED, compress
from .edit import put
from .encode import encode
from .identity import text
from .pixels import Layout

__all__ = ["TRANSFER_SYNTAXES", "pixel_element", "write_file"]

TRANSFER_SYNTAXES: dict[str, UID] = {
    "explicit": UID("1.2.840.10008.1.2.1"),
    "implicit": UID("1.2.840.10008.1.2"),
    "deflated": UID("1.2.840.10008.1.2.1.99"),
    "rle": UID("1.2.840.10008.1.2.5"),
    "jpegls": UID("1.2.840.10008.1.2.4.80"),
    "jpeg2000": UID("1.2.840.10008.1.2.4.90"),
}
"""Name on the command line → UID."""
IMPLEMENTATION_CLASS = UID("2.25.160231414314751750097954121295694651785")

Part = bytes | memoryview
_LARGEST = 0xFFFFFFFE
_TAGS = {"PixelData": 0x0010, "FloatPixelData": 0x0008, "DoubleFloatPixelData": 0x0009}
_VRS = {"FloatPixelData": b"OF", "DoubleFloatPixelData": b"OD"}


def pixel_element(frames: Iterable[np.ndarray], count: int, size: int, layout: Layout, name: str) -> Iterable[Part]:
    """The pixel data element in pieces, so that no second copy of all frames is made.

    Args:
        frames: as stored, [rows, columns] or [rows, columns, 3], little-endian.
        count: how many.
        size: bytes of one.
        layout: of their values.
        name: a key of :data:`TRANSFER_SYNTAXES`.

    Raises:
        InputError: they are too large, or compression cannot hold them or is not installed.
    """
    tag = b"\xe0\x7f" + _TAGS[layout.keyword].to_bytes(2, "little")
    if name in COMPRESSED:
        body = encapsulate([compress(frame, layout, name) for frame in frames])
        return [tag + b"OB\0\0\xff\xff\xff\xff", body, b"\xfe\xff\xdd\xe0\0\0\0\0"]
    length = count * size + count * size % 2
    if length > _LARGEST:
        raise InputError("the result is larger than 4 GiB; write it compressed, with --transfer-syntax jpegls")
    vr = _VRS.get(layout.keyword, b"OB" if layout.dtype.itemsize == 1 else b"OW")
    start = tag + (b"" if name == "implicit" else vr + b"\0\0") + length.to_bytes(4, "little")
    return chain([start], (frame.data.cast("B") for frame in frames), [b"\0" * (length - count * size)])


def write_file(target: Path, header: Dataset, before: bytes, pixels: Iterable[Part], after: bytes, name: str) -> None:
    """Write a DICOM file: a preamble of zeros, our own file meta information, and the data set in its parts."""
    body = chain([before], pixels, [after])
    with open(target, "wb") as file:
        file.write(bytes(128) + b"DICM" + _meta(header, name))
        for part in _deflated(body) if name == "deflated" else body:
            file.write(part)


def _meta(header: Dataset, name: str) -> bytes:
    """PS3.10 7.1, behind its prefix; explicit VR, whatever the data set has."""
    meta = Dataset()
    put(meta, "FileMetaInformationVersion", b"\0\1")
    put(meta, "MediaStorageSOPClassUID", text(header, "SOPClassUID"))
    put(meta, "MediaStorageSOPInstanceUID", text(header, "SOPInstanceUID"))
    put(meta, "TransferSyntaxUID", TRANSFER_SYNTAXES[name])
    put(meta, "ImplementationClassUID", IMPLEMENTATION_CLASS)
    put(meta, "ImplementationVersionName", f"GRADPROM {__version__}"[:16])
    elements, length = encode(meta), Dataset()
    put(length, "FileMetaInformationGroupLength", len(elements))
    return encode(length) + elements


def _deflated(parts: Iterable[Part]) -> Iterator[bytes]:
    """RFC 1951 without any header, padded to an even length (PS3.5 A.5)."""
    compressor, length = zlib.compressobj(wbits=-zlib.MAX_WBITS), 0
    for part in chain((compressor.compress(part) for part in parts), (compressor.flush() for _ in range(1))):
        length += len(part)
        yield part
    yield b"\0" * (length % 2)
