# SPDX-License-Identifier: Apache-2.0
"""Recognising a file of images by its first bytes; names and extensions do not count."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

__all__ = ["identify"]

_PEEK = 4096
_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_NIFTI_MAGIC = (b"n+1\0", b"ni1\0")
_NIFTI_2_MAGIC = (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n")
_VRS = re.compile(rb"AE|AS|AT|CS|D[AST]|F[DL]|IS|L[OT]|O[BDFLVW]|PN|S[HLQSTV]|T[M]|U[CILNRSTV]")
_LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_META_IMAGE_KEYS = (b"NDims", b"DimSize", b"ElementType")


def identify(path: str | Path) -> str | None:
    """The format of a file, from at most 4 kB of its content.

    Args:
        path: the file.

    Returns:
        ``"DICOM"`` (with its preamble or without), ``"NIfTI"`` (1 and 2, plain or gzipped, also the header of a pair),
        ``"MetaImage"`` (``.mha`` and the header of a pair), ``"PNG"``, ``"TIFF"``, ``"JPEG"`` or ``"BMP"``; None for
        anything else, also for a folder.

    Raises:
        OSError: the file cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_PEEK)
    # first of all: the 128 bytes before may make the file a TIFF as well
    if head[128:132] == b"DICM":
        return "DICOM"
    picture = next((name for magic, name in _PICTURES.items() if head.startswith(magic)), None)
    if picture:
        return picture
    if _is_nifti(_inflated(head) if head.startswith(b"\x1f\x8b") else head):
        return "NIfTI"
    if _is_bmp(head):
        return "BMP"
    if _is_metaimage(head):
        return "MetaImage"
    return "DICOM" if _is_bare_dicom(head, path.stat().st_size) else None


def _inflated(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 600)
    except zlib.error:
        return b""


def _is_nifti(head: bytes) -> bool:
    size = head[:4]
    if size in (struct.pack("<i", 348), struct.pack(">i", 348)):
        return head[344:348] in _NIFTI_MAGIC
    return size in (struct.pack("<i", 540), struct.pack(">i", 540)) and head[4:12] in _NIFTI_2_MAGIC


def _is_bmp(head: bytes) -> bool:
    # "BM" alone could begin a text; the size of the second header tells
    return (
        head.startswith(b"BM")
        and len(head) > 18
        and struct.unpack_from("<I", head, 14)[0] in (12, 40, 52, 56, 108, 124)
    )


def _is_metaimage(head: bytes) -> bool:
    lines = head.split(b"\n")
    keys = {line.partition(b"=")[0].strip() for line in lines if b"=" in line}
    first = lines[0].partition(b"=")
    begins = first[1] == b"=" and first[0].strip() in (b"ObjectType", b"Comment", b"NDims")
    return begins and all(key in keys for key in _META_IMAGE_KEYS)


def _is_bare_dicom(head: bytes, size: int) -> bool:
    """Whether two elements of group 0002 or 0008 (PS3.5 7.1) stand at the beginning, in any of the encodings."""
    for order in "<>":
        position, last = 0, -1
        for _ in range(2):
            element = _element(head, position, order)
            if element is None or element[0] <= last or element[1] > size:
                break
            last, position = element
            if position >= len(head) or position == size:
                return True
        else:
            return True
    return False


def _element(head: bytes, position: int, order: str) -> tuple[int, int] | None:
    """Tag and end of the element at ``position``, or None where no plausible one stands there."""
    if len(head) < position + 12:
        return None
    group, number = struct.unpack_from(f"{order}HH", head, position)
    if group not in (0x0002, 0x0008) or number > 0x3000:
        return None
    vr = head[position + 4 : position + 6]
    if _VRS.fullmatch(vr):
        long = vr in _LONG_VRS
        length = struct.unpack_from(f"{order}{'I' if long else 'H'}", head, position + (8 if long else 6))[0]
        begin = position + (12 if long else 8)
    else:
        length, begin = struct.unpack_from(f"{order}I", head, position + 4)[0], position + 8
    if length == 0xFFFFFFFF:
        return group << 16 | number, len(head)
    return (group << 16 | number, begin + length) if length < 1 << 20 and length % 2 == 0 else None
