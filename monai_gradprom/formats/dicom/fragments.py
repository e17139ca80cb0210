# SPDX-License-Identifier: Apache-2.0
"""Where the frames of encapsulated pixel data lie in a file (PS3.5 A.4), without reading them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

__all__ = ["Span", "find_fragments", "group_frames"]

Span = tuple[int, int]
"""Offset in the file and length in bytes."""

_ITEM, _END = 0xE000, 0xE0DD
_JPEG_STARTS = (b"\xff\xd8", b"\xff\x4f")


def find_fragments(file: BinaryIO, start: int, size: int) -> tuple[Sequence[int], list[Span], int]:
    """Follow the items from one header to the next.

    Args:
        file: the open file.
        start: where the value of the pixel data element begins.
        size: of the file, in bytes.

    Returns:
        The basic offset table (empty if there is none), the fragments, and where the element ends.

    Raises:
        ValueError: the file ends within an item, or something else than an item is found.
    """
    items: list[Span] = []
    position = start
    while position + 8 <= size:
        file.seek(position)
        group, element, length = struct.unpack("<HHL", file.read(8))
        position += 8
        if (group, element) == (0xFFFE, _END):
            break
        if (group, element) != (0xFFFE, _ITEM) or position + length > size:
            raise ValueError("the chain of fragments is broken")
        items.append((position, length))
        position += length
    if not items:
        raise ValueError("there is no fragment")
    table, *fragments = items
    file.seek(table[0])
    return struct.unpack(f"<{table[1] // 4}L", file.read(table[1] // 4 * 4)), fragments, position


def group_frames(file: BinaryIO, table: Sequence[int], fragments: list[Span], frames: int) -> list[list[Span]]:
    """Which fragments make up each frame.

    Args:
        file: the open file.
        table: the basic offset table.
        fragments: as :func:`find_fragments` gives them, without an extended offset table's help: each of its frames
            is one fragment (PS3.3 C.7.6.3.1.8).
        frames: number of frames.

    Returns:
        One list of fragments for every frame.

    Raises:
        ValueError: there are fewer frames than ``frames``, or nothing tells where they begin.
    """
    if len(fragments) == frames:
        return [[fragment] for fragment in fragments]
    if frames == 1:
        return [fragments]
    if len(fragments) < frames:
        raise ValueError("there are fewer fragments than frames")
    first = fragments[0][0]
    places = {offset - first: number for number, (offset, _) in enumerate(fragments)}
    if len(table) >= frames and all(offset in places for offset in table):
        begins = [places[offset] for offset in table]
    else:
        begins = [number for number, fragment in enumerate(fragments) if _begins_stream(file, fragment)]
    if len(begins) < frames or begins[0] != 0:
        raise ValueError("nothing tells where each frame begins")
    ends = [*begins[1:], len(fragments)]
    return [fragments[begin:end] for begin, end in zip(begins, ends, strict=True)][:frames]


def _begins_stream(file: BinaryIO, fragment: Span) -> bool:
    file.seek(fragment[0])
    return file.read(2) in _JPEG_STARTS
