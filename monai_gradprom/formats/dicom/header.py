# SPDX-License-Identifier: Apache-2.0
"""A DICOM file's header, and where its pixel data lie, without reading them."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset, read_partial, read_preamble
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.fragments import find_fragments
from monai_gradprom.formats.dicom.plain_elements import read_plain_header
from monai_gradprom.formats.dicom.quiet import quiet
from monai_gradprom.formats.dicom.values import HeaderValues
from monai_gradprom.formats.guard import refuse_bomb

__all__ = ["Header", "damaged", "read_header"]

_UNDEFINED = 0xFFFFFFFF
_PIECE = 1 << 18
_PIXELS = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_LONG = ("OB", "OW", "OF", "OD", "OL", "OV", "UN")  # their elements have 12 bytes before the value, others 8


@dataclass(frozen=True)
class Header:
    """What a DICOM file says before and after its pixel data."""

    path: Path
    dataset: pydicom.FileDataset
    """Everything but the pixel data, each element as it came: a value that is asked for would be decoded for good.
    (So are those within sequences of undefined length when :attr:`values` is asked for them.)"""
    transfer_syntax: str
    """UID; where the file does not state it, the native one that its bytes obey."""
    little_endian: bool
    keyword: str | None = None
    """``"PixelData"``, ``"FloatPixelData"``, ``"DoubleFloatPixelData"``, or None: there are none."""
    vr: str = "OW"
    start: int = 0
    """Where the value of the pixel data element begins."""
    length: int | None = None
    """Of that value; None: encapsulated."""
    inflated: bytes | None = None
    """The pixel data of a deflated file, which cannot be read in parts."""
    whole: bool = True
    """False: without pixel data, and it ends within an element."""

    @cached_property
    def values(self) -> HeaderValues:
        """The same elements, to be asked for their values."""
        dataset = self.dataset
        values = HeaderValues(dict(dataset.items()))
        values.set_original_encoding(*_encoding(dataset), dataset._character_set)
        return values

    def open(self) -> BinaryIO:
        """What ``start`` counts in."""
        return BytesIO(self.inflated) if self.inflated is not None else self.path.open("rb")


def damaged(path: Path, what: str, error: Exception | None = None) -> InputError:
    """A failure to read, in our own words: a DICOM library's would quote the header."""
    kind = f" ({type(error).__name__})" if error is not None else ""
    return InputError(f"{path}: {what}{kind}; put an intact copy in its place or leave it out.")


def read_header(path: Path) -> Header:
    """Read everything but the pixel data.

    Raises:
        InputError: the file cannot be opened, is no DICOM, or is truncated or damaged.
    """
    try:
        with quiet(), path.open("rb") as file:
            return _read(path, file)
    except (InputError, MemoryError):
        raise
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror}); check that it is there and readable."
        ) from error
    except Exception as error:  # pydicom has many, down to zlib's
        raise damaged(path, "is damaged: its DICOM header cannot be read", error) from None


class _Watch:
    """Stops the reader at the pixel data, and knows how far the file should have reached."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.pixels, self.end = file, (0, "", 0), 0

    def __call__(self, tag: int, vr: str | None, length: int) -> bool:
        if int(tag) in _PIXELS:
            self.pixels = int(tag), vr or "", length
            return True
        self.end = self.file.tell() + (0 if length == _UNDEFINED else length)
        return False


def _read(path: Path, file: BinaryIO) -> Header:
    size = os.fstat(file.fileno()).st_size
    plain = read_plain_header(file, _PIXELS)
    if plain:
        dataset, (tag, vr, length) = plain
    else:
        _refuse_deflated_bomb(path, file, size)
        watch = _Watch(file)
        dataset = read_partial(file, watch, force=True)
        tag, vr, length = watch.pixels
    syntax, little = _transfer_syntax(dataset)
    if syntax == DeflatedExplicitVRLittleEndian:
        return _read_deflated(path, file)
    if not tag:
        if watch.end > size:
            raise damaged(path, "is truncated: it ends within its header")
        # what is left has no room for an element
        return Header(path, dataset, syntax, little, whole=watch.end > 0 and not 0 < size - watch.end < 8)
    start = file.tell() + (12 if vr in _LONG else 8)
    if length != _UNDEFINED:
        end, compressed = start + length, False
    else:
        compressed = True
        try:
            *_, end = find_fragments(file, start, size)
        except ValueError:
            raise damaged(path, "is truncated or damaged: its compressed pixel data are incomplete") from None
    if end < size:
        _add_trailing(file, dataset, end, tag)
    return Header(path, dataset, syntax, little, _PIXELS[tag], vr or "OW", start, None if compressed else length)


def _add_trailing(file: BinaryIO, dataset: pydicom.FileDataset, position: int, pixels: int) -> None:
    """Elements after the pixel data, such as private groups; padding that is no element is passed over."""
    file.seek(position)
    try:
        # zeros after the last element would be read as elements, too, one by one
        rest = read_dataset(file, *_encoding(dataset), stop_when=lambda tag, *_: int(tag) <= pixels)
    except Exception:
        return
    size = os.fstat(file.fileno()).st_size
    for tag, element in rest.items():
        beyond = isinstance(element, RawDataElement) and element.value_tell + element.length > size
        if not beyond:  # else it is no element, but padding that looks like one
            dataset[tag] = element


def _refuse_deflated_bomb(path: Path, file: BinaryIO, size: int) -> None:
    """Inflate piece by piece to see how much it is: pydicom inflates a deflated file at once. ``file`` is rewound."""
    if read_preamble(file, force=True) is not None:
        meta = read_dataset(file, False, True, stop_when=lambda tag, *_: int(tag) >> 16 != 2)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
            while not inflater.eof and (packed := inflater.unconsumed_tail or file.read(_PIECE)):
                total += len(inflater.decompress(packed, _PIECE))
                refuse_bomb(path, size, total)
    file.seek(0)


def _read_deflated(path: Path, file: BinaryIO) -> Header:
    file.seek(0)
    dataset = pydicom.dcmread(file, force=True)
    found = [keyword for keyword in _PIXELS.values() if keyword in dataset]
    if not found:
        return Header(path, dataset, DeflatedExplicitVRLittleEndian, True)
    pixels: Any = dataset[found[0]]
    del dataset[found[0]]
    data: bytes = pixels.value
    return Header(path, dataset, DeflatedExplicitVRLittleEndian, True, found[0], pixels.VR, 0, len(data), data)


def _encoding(dataset: pydicom.FileDataset) -> tuple[bool, bool]:
    """Whether the file has implicit VRs, and whether it is little endian."""
    return bool(dataset.is_implicit_VR), bool(dataset.is_little_endian)


def _transfer_syntax(dataset: pydicom.FileDataset) -> tuple[str, bool]:
    implicit, little = _encoding(dataset)
    meta: Dataset = getattr(dataset, "file_meta", None) or Dataset()
    guess = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    return str(meta.get("TransferSyntaxUID") or guess), little
