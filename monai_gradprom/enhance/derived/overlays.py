# SPDX-License-Identifier: Apache-2.0
"""Overlay planes (60xx) of a derived image: kept, taken out of the pixels' unused bits, enlarged (PS3.3 C.9.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.tag import BaseTag, Tag

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.header import read_header
from monai_gradprom.formats.dicom.pixel_layout import PixelLayout
from monai_gradprom.formats.dicom.pixels import FrameReader

__all__ = ["embedded_groups", "enlarge_overlays", "extract_overlays", "forget_statistics", "stored_cells"]

_ROWS, _COLUMNS, _FRAMES, _FIRST_FRAME, _ORIGIN = 0x0010, 0x0011, 0x0015, 0x0051, 0x0050
_BITS, _POSITION, _DATA, _LOCATION = 0x0100, 0x0102, 0x3000, 0x0200
_AREA, _MEAN, _DEVIATION = 0x1301, 0x1302, 0x1303


def _groups(header: Dataset) -> list[int]:
    return sorted({tag.group for tag in header.keys() if tag.group & 0xFF01 == 0x6000})  # noqa: SIM118


def _number(header: Dataset, tag: BaseTag, default: int) -> int:
    value = header[tag].value if tag in header else None
    return default if value is None or value == "" else int(value)


def _set(header: Dataset, group: int, element: int, vr: str, value: object) -> None:
    header.add_new(Tag(group, element), vr, value)


def embedded_groups(header: Dataset) -> dict[int, int]:
    """Overlays that lie in unused bits of the pixels, as was allowed until 2004: group → bit."""
    found = {}
    stored, high = (_number(header, Tag(name), 0) for name in ("BitsStored", "HighBit"))
    for group in _groups(header):
        bit = _number(header, Tag(group, _POSITION), 0)
        of_the_pixel = high - stored < bit <= high
        if Tag(group, _POSITION) in header and Tag(group, _DATA) not in header and not of_the_pixel:
            found[group] = bit
    return found


def extract_overlays(header: Dataset, cells: Iterable[np.ndarray]) -> None:
    """Give overlays that lay in the pixels data of their own, since derived pixels have nothing there.

    Args:
        header: edited.
        cells: the source's frames as stored, [rows, columns], with the bits that belong to no value.
    """
    embedded = embedded_groups(header)
    planes: dict[int, list[np.ndarray]] = {group: [] for group in embedded}
    for cell in cells:
        for group, bit in embedded.items():
            planes[group].append(cell.astype(f"u{cell.itemsize}") >> bit & 1)
    for group, frames in planes.items():
        stack = np.stack(frames)
        _set(header, group, _ROWS, "US", stack.shape[1])
        _set(header, group, _COLUMNS, "US", stack.shape[2])
        if len(stack) > 1:
            _set(header, group, _FRAMES, "IS", str(len(stack)))
            _set(header, group, _FIRST_FRAME, "US", 1)
        _set(header, group, _BITS, "US", 1)
        _set(header, group, _POSITION, "US", 0)
        header.pop(Tag(group, _LOCATION), None)
        _set(header, group, _DATA, "OW", _packed(stack))


def forget_statistics(header: Dataset) -> None:
    """Drop mean and standard deviation of the values under a region of interest: the values are others now."""
    for group in _groups(header):
        for element in (_MEAN, _DEVIATION):
            header.pop(Tag(group, element), None)


def enlarge_overlays(header: Dataset, factor: int) -> None:
    """Repeat every overlay pixel ``factor`` times in both directions; its top left corner stays over the same tissue.

    Raises:
        InputError: an overlay lacks its size or data, or becomes larger than its elements can say.
    """
    for group in _groups(header):
        if Tag(group, _DATA) not in header:
            continue
        frames, rows, columns = (
            _number(header, Tag(group, element), default)
            for element, default in ((_FRAMES, 1), (_ROWS, 0), (_COLUMNS, 0))
        )
        bits = np.unpackbits(np.frombuffer(header[Tag(group, _DATA)].value, np.uint8), bitorder="little")
        if not rows or not columns or bits.size < frames * rows * columns:
            raise InputError("an overlay has fewer pixels than it says, so that it cannot be enlarged; remove it")
        plane = bits[: frames * rows * columns].reshape(frames, rows, columns)
        _set(header, group, _DATA, "OW", _packed(plane.repeat(factor, 1).repeat(factor, 2)))
        corner = header[Tag(group, _ORIGIN)].value if Tag(group, _ORIGIN) in header else (1, 1)
        origin = [factor * (int(value) - 1) + 1 for value in corner]
        if max(rows, columns) * factor > 0xFFFF or not all(-0x8000 <= value < 0x8000 for value in origin):
            raise InputError(f"an overlay is too large to be enlarged {factor} times; remove it")
        _set(header, group, _ROWS, "US", rows * factor)
        _set(header, group, _COLUMNS, "US", columns * factor)
        _set(header, group, _ORIGIN, "SS", origin)
        if Tag(group, _AREA) in header:
            _set(header, group, _AREA, "IS", str(_number(header, Tag(group, _AREA), 0) * factor**2))


def _packed(plane: np.ndarray) -> bytes:
    """One bit a pixel, the first one lowest, frames without gaps (PS3.5 8.1.2), an even number of bytes."""
    data = np.packbits(plane.astype(np.uint8).ravel(), bitorder="little").tobytes()
    return data + b"\0" * (len(data) % 2)


def stored_cells(dataset: Dataset) -> Iterator[np.ndarray]:
    """The source's frames as stored, [rows, columns], from the file that ``dataset`` was read from.

    Raises:
        InputError: it was not read from a file, or the file cannot be read any more.
    """
    name = getattr(dataset, "filename", None)
    if not name:
        raise InputError("overlays lie in unused bits of the source's pixels, which are not at hand; give source_cells")
    header = read_header(Path(name))
    layout = PixelLayout(header)
    reader = FrameReader(header, layout)
    for number in range(layout.frames):
        yield reader.read(number, number + 1)[0][0, :, :, 0]
