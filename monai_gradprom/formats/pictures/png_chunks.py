# SPDX-License-Identifier: Apache-2.0
"""The chunks that a PNG consists of: read, chosen, and put around other pixels (W3C PNG, third edition)."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from monai_gradprom.errors import InputError
from monai_gradprom.formats.pictures.exif import finer_exif

__all__ = ["SIGNATURE", "Chunk", "assemble", "chunks_of_result", "read_chunks", "splice"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAKE_THE_PIXELS = (b"IHDR", b"IDAT", b"IEND", b"PLTE")
# PNG's own rule for a writer that has changed the pixels is to drop what is not "safe to copy"; these stay true
_STAYS_TRUE = (b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"pCAL", b"sCAL", b"oFFs")
_IN_PIXELS = (b"sCAL", b"oFFs")


class Chunk(NamedTuple):
    """Four letters and what they announce."""

    kind: bytes
    data: bytes


def read_chunks(path: Path, image_data: bool = False) -> list[Chunk]:
    """All chunks of a file, in its order; IDAT chunks come empty unless ``image_data``.

    Raises:
        InputError: the file is no PNG, is cut off, or a checksum is wrong.
    """
    damaged = InputError(f"{path}: is cut off or damaged; put an intact copy in its place or leave it out.")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(SIGNATURE)) != SIGNATURE:
            raise damaged
        chunks: list[Chunk] = []
        while not chunks or chunks[-1].kind != b"IEND":
            chunk = _read_chunk(file, size, image_data)
            if chunk is None:
                raise damaged
            chunks.append(chunk)
    kinds = [chunk.kind for chunk in chunks]
    # of two headers, decoders may believe the other
    if kinds[0] != b"IHDR" or kinds.count(b"IHDR") > 1 or len(chunks[0].data) != 13 or b"IDAT" not in kinds:
        raise damaged
    return chunks


def _read_chunk(file: BinaryIO, size: int, image_data: bool) -> Chunk | None:
    head = file.read(8)
    if len(head) < 8:
        return None
    length, kind = struct.unpack(">I4s", head)
    if file.tell() + length + 4 > size:
        return None
    if kind == b"IDAT" and not image_data:
        file.seek(length + 4, os.SEEK_CUR)
        return Chunk(kind, b"")
    data = file.read(length)
    return Chunk(kind, data) if file.read(4) == _checksum(kind, data) else None


def _checksum(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def chunks_of_result(chunks: Iterable[Chunk], factor: int) -> tuple[list[Chunk], list[Chunk]]:
    """Those chunks of a source that are true of its result as well, before and after the pixels.

    Kept: colour (cHRM, gAMA, iCCP, sRGB, cICP, mDCV, cLLI), pHYs, pCAL, text, eXIf, and whatever else is marked "safe
    to copy". Dropped: tRNS and PLTE (the result has an alpha channel and colours), bKGD, hIST, sBIT and sPLT (they
    describe the old pixels), tIME (when these were changed), and with ``factor`` > 1 also sCAL and oFFs. pHYs and eXIf
    are scaled.
    """
    before: list[Chunk] = []
    after: list[Chunk] = []
    place = before
    for chunk in chunks:
        if chunk.kind == b"IDAT":
            place = after
        elif _is_kept(chunk.kind, factor):
            place.append(Chunk(chunk.kind, _scaled(chunk, factor)))
    return before, after


def _is_kept(kind: bytes, factor: int) -> bool:
    if kind in _MAKE_THE_PIXELS or (factor > 1 and kind in _IN_PIXELS):
        return False
    safe_to_copy = bool(kind[0] & 0x20 and kind[3] & 0x20)
    return kind in _STAYS_TRUE or safe_to_copy


def _scaled(chunk: Chunk, factor: int) -> bytes:
    if chunk.kind == b"eXIf":
        return finer_exif(chunk.data, factor)
    if chunk.kind == b"pHYs" and chunk.data[8:] == b"\1":  # pixels per metre; otherwise only their aspect
        rates = (min(rate * factor, 2**31 - 1) for rate in struct.unpack(">II", chunk.data[:8]))
        return struct.pack(">IIB", *rates, 1)
    return chunk.data


def splice(
    encoded: bytes | memoryview, before: Iterable[Chunk], after: Iterable[Chunk]
) -> Iterator[bytes | memoryview]:
    """Replace all chunks of an ``encoded`` PNG except its pixels by others; piece by piece, without a copy."""
    encoded = memoryview(encoded)
    chunks: list[Chunk] = []
    at = len(SIGNATURE)
    while at < len(encoded):
        length, kind = struct.unpack_from(">I4s", encoded, at)
        chunks.append(Chunk(kind, encoded[at + 8 : at + 8 + length]))  # type: ignore[arg-type]  # as good as bytes
        at += 12 + length
    pixels = [chunk for chunk in chunks if chunk.kind == b"IDAT"]
    yield from _pieces([chunks[0], *before, *pixels, *after, Chunk(b"IEND", b"")])


def assemble(chunks: Iterable[Chunk]) -> bytes:
    """A PNG of these chunks, checksums included."""
    return b"".join(_pieces(chunks))


def _pieces(chunks: Iterable[Chunk]) -> Iterator[bytes]:
    yield SIGNATURE
    for kind, data in chunks:
        yield from (struct.pack(">I", len(data)), kind, data, _checksum(kind, data))
