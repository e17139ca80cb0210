# SPDX-License-Identifier: Apache-2.0
"""Data elements as bytes: what nobody edits leaves as it came, whatever it is.

pydicom decodes a header when it changes its encoding and encodes it again. Text that does not fit its character set,
values that break a rule and private elements of unknown kind do not survive that. Here values stay bytes: only their
order changes for a big-endian source, and only the tag, VR and length in front of them for an implicit one.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

__all__ = ["append_item", "character_sets", "editable_copy", "encode", "is_little_endian", "put", "raw_bytes"]

_UNDEFINED = 0xFFFFFFFF
_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_HEAD = struct.Struct("<HH")
_WORDS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_OPAQUE = ("OD", "OF", "OL", "OV", "OW")  # pydicom leaves these as bytes in the order of the file
_PADDED_BY_ZERO = ("OB", "UI", "UN")
_PIXELS = 0x7FE00000, 0x7FE00010  # pixel data of each kind and what describes their fragments


def editable_copy(dataset: Dataset, implicit: bool = False) -> Dataset:
    """A header of its own, in little-endian order, that may be edited and then encoded; no pixel data.

    Group lengths (retired), file meta information and command elements, which have no place in it, are left out.

    Args:
        dataset: as pydicom read it; deferred values are fetched from its file. Not changed.
        implicit: whether it will be written with implicit VR.
    """
    signed = bool(dataset.get("PixelRepresentation", 0) or 0)
    return _copied(dataset, implicit, signed)


def _copied(dataset: Dataset, implicit: bool, signed: bool) -> Dataset:
    return Dataset({tag: _element(dataset, tag, implicit, signed) for tag in dataset.keys() if _belongs(int(tag))})  # noqa: SIM118


def _belongs(tag: int) -> bool:
    return tag > 0x2FFFF and tag & 0xFFFF > 0 and not _PIXELS[0] <= tag <= _PIXELS[1]


def _element(dataset: Dataset, tag: BaseTag, implicit: bool, signed: bool) -> DataElement | RawDataElement:
    element = dataset.get_item(tag)
    vr = _vr(element, signed)
    if isinstance(element, RawDataElement):
        same = element.is_little_endian and (element.is_implicit_VR or not element.VR) == implicit
        if vr != "SQ" or same:
            value = _in_order(element.value or b"", vr, element.is_little_endian)
            return _raw(tag, vr, value, element.length, implicit)
        element = dataset[tag]
    if vr == "SQ":
        return DataElement(tag, "SQ", Sequence([_copied(item, implicit, signed) for item in element.value or ()]))
    value = element.value
    if vr in _OPAQUE and isinstance(value, bytes):
        return _raw(tag, vr, _in_order(value, vr, is_little_endian(dataset)))
    return DataElement(tag, vr, value) if vr != element.VR else element


def _raw(tag: BaseTag, vr: str, value: bytes, length: int = 0, implicit: bool = False) -> RawDataElement:
    if length != _UNDEFINED:
        value += (b"\0" if vr in (*_PADDED_BY_ZERO, *_WORDS) else b" ") * (len(value) % 2)
        length = len(value)
    return RawDataElement(tag, vr, length, value, 0, implicit, True)


def _vr(element: DataElement | RawDataElement, signed: bool) -> str:
    """The VR to write: the file's own, or by the dictionary where an implicit file has none (PS3.5 6.2.2)."""
    tag, vr = element.tag, element.VR
    if vr is None:
        if tag.is_private_creator:
            return "LO"
        try:
            vr = "UN" if tag.is_private else dictionary_VR(tag)
        except KeyError:
            return "UN"
    if vr == "US or SS":
        return "SS" if signed else "US"
    if " or " in vr:  # with OW as the choice that holds any number of values
        return "OW" if isinstance(element.value, bytes) else "US"
    return str.__str__(vr)  # pydicom's enumeration would print as VR.LO


def _in_order(value: bytes, vr: str, little_endian: bool) -> bytes:
    size = _WORDS.get(vr)
    if little_endian or not size:
        return value
    whole = len(value) // size * size
    return np.frombuffer(value[:whole], f"u{size}").byteswap().tobytes() + value[whole:]


def is_little_endian(dataset: Dataset) -> bool:
    """The byte order of the file that it came from; pydicom 2 keeps it elsewhere than pydicom 3."""
    if hasattr(dataset, "original_encoding"):
        return dataset.original_encoding[1] is not False
    return dataset.read_little_endian is not False


def encode(
    dataset: Dataset, implicit: bool = False, charsets: list[str] | None = None, first: int = 0, end: int = 1 << 32
) -> bytes:
    """The elements of :func:`editable_copy` as little-endian bytes, in the order of their tags.

    Args:
        dataset: the header.
        implicit: with implicit VR; must be what it was copied for.
        charsets: of the item's surroundings, where it names none of its own.
        first: the lowest tag.
        end: the tag to stop before.
    """
    charsets = character_sets(dataset) or charsets or [""]
    tags = sorted(tag for tag in map(int, dataset.keys()) if first <= tag < end)
    return b"".join(_encoded(dataset.get_item(BaseTag(tag)), implicit, charsets) for tag in tags)


def _encoded(element: DataElement | RawDataElement, implicit: bool, charsets: list[str]) -> bytes:
    if isinstance(element, DataElement):
        if element.VR != "SQ":
            return _written(element, implicit, charsets)
        items = b"".join(_item(item, implicit, charsets) for item in element.value or ())
        element = _raw(element.tag, "SQ", items)
    value, vr = element.value or b"", str(element.VR)
    head, length = _HEAD.pack(element.tag >> 16, element.tag & 0xFFFF), element.length.to_bytes(4, "little")
    if implicit:
        head += length
    elif vr in EXPLICIT_VR_LENGTH_32 or len(value) > 0xFFFF:  # too long for its VR: PS3.5 6.2.2, Note 4
        head += (vr if vr in EXPLICIT_VR_LENGTH_32 else "UN").encode("latin1") + b"\0\0" + length
    else:
        head += vr.encode("latin1") + length[:2]
    return head + value + (_DELIMITER if element.length == _UNDEFINED else b"")


def _written(element: DataElement, implicit: bool, charsets: list[str]) -> bytes:
    """What was decoded or made here, as pydicom encodes it."""
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, implicit
    write_data_element(stream, element, charsets)
    return bytes(stream.getvalue())


def _item(item: Dataset, implicit: bool, charsets: list[str]) -> bytes:
    body = encode(item, implicit, charsets)
    return b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body


def character_sets(dataset: Dataset) -> list[str]:
    """The terms of SpecificCharacterSet, without decoding the element for good; empty: it has none."""
    element = dataset.get_item(0x00080005) if 0x00080005 in dataset else None
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace").split("\\")
    terms = [value] if isinstance(value, str) else list(value or ())
    terms = [str(term).strip(" \0") for term in terms]
    return terms if any(terms) else []


def raw_bytes(dataset: Dataset, keyword: str, charsets: list[str]) -> bytes:
    """The value of a text as it stands in the file, without its padding; empty if there is none."""
    if keyword not in dataset:
        return b""
    element = dataset.get_item(Tag(keyword))
    if isinstance(element, DataElement):
        return _written(element, True, charsets or [""])[8:].rstrip(b" \0")
    return (element.value or b"").rstrip(b" \0")


def put(dataset: Dataset, keyword: str, value: Any, vr: str | None = None) -> None:
    """Set an element: bytes as they are to be stored, padding aside; ASCII text, numbers, or lists of either."""
    tag = Tag(keyword)
    vr = vr or dictionary_VR(tag)
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = "\\".join(value)
    if isinstance(value, str):  # the same in every character set
        value = value.encode("ascii")
    dataset[tag] = _raw(tag, vr, value) if isinstance(value, bytes) else DataElement(tag, vr, value)


def append_item(dataset: Dataset, keyword: str, item: Dataset) -> None:
    """Add ``item`` behind those that a sequence already has."""
    items = dataset[keyword].value if keyword in dataset else ()
    put(dataset, keyword, Sequence([*(items if isinstance(items, Sequence) else ()), item]))
