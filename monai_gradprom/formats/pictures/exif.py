# SPDX-License-Identifier: Apache-2.0
"""Exif of a super-resolved image."""

from __future__ import annotations

import struct

__all__ = ["finer_exif"]

_EXIF_DIRECTORY = 0x8769
_SIDES = {0x0100, 0x0101, 0xA002, 0xA003}  # ImageWidth, ImageLength, PixelXDimension, PixelYDimension
_RATES = {0x011A, 0x011B, 0xA20E, 0xA20F}  # X/YResolution, FocalPlaneX/YResolution
_SHORT, _LONG, _RATIONAL = 3, 4, 5


def finer_exif(exif: bytes, factor: int) -> bytes:
    r"""Multiply the numbers of pixels, and of pixels per unit, in place; all else stays byte for byte.

    The thumbnail (second directory) keeps its size: it shows the source. Exif that cannot be understood, or whose
    fields would overflow, is returned as it was.

    Args:
        exif: from the byte-order mark on, without the ``Exif\0\0`` of JPEG.
        factor: of super-resolution.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if factor == 1 or order is None:
        return exif
    patched = bytearray(exif)
    try:
        _scale_directory(patched, struct.unpack_from(f"{order}I", exif, 4)[0], order, factor, nested=True)
    except struct.error:
        return exif
    return bytes(patched)


def _scale_directory(exif: bytearray, start: int, order: str, factor: int, nested: bool) -> None:
    (entries,) = struct.unpack_from(f"{order}H", exif, start)
    for at in range(start + 2, start + 2 + 12 * entries, 12):
        code, kind = struct.unpack_from(f"{order}HH", exif, at)
        (pointer,) = struct.unpack_from(f"{order}I", exif, at + 8)
        if code == _EXIF_DIRECTORY and nested:
            _scale_directory(exif, pointer, order, factor, nested=False)
        elif code in _SIDES and kind in (_SHORT, _LONG):
            _multiply(exif, at + 8, order + ("H" if kind == _SHORT else "I"), factor)
        elif code in _RATES and kind == _RATIONAL:
            _multiply(exif, pointer, f"{order}I", factor)


def _multiply(exif: bytearray, at: int, form: str, factor: int) -> None:
    struct.pack_into(form, exif, at, struct.unpack_from(form, exif, at)[0] * factor)
