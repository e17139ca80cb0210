# SPDX-License-Identifier: Apache-2.0
"""Data elements as bytes: what nobody edits leaves as it came, whatever it is.

pydicom decodes a header when it changes its encoding and encodes it again. Text that does not fit its character set,
values that break a rule and private elements of unknown kind do not survive that. Here values stay bytes: only their
order changes for a big-endian source, and only the tag, VR and length in front of them for an implicit one.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import VR

from .encode import written

__all__ = ["append_item", "editable_copy", "is_little_endian", "put", "raw_bytes", "tag_of"]

_UNDEFINED = 0xFFFFFFFF
_WORDS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_PACKED = {"US": struct.Struct("<H"), "SS": struct.Struct("<h"), "UL": struct.Struct("<L")}
_OPAQUE = ("OD", "OF", "OL", "OV", "OW")  # pydicom leaves these as bytes in the order of the file
_FINAL = frozenset(vr.value for vr in VR if len(vr.value) == 2)
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
    if _is_final(element, implicit):
        return element
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


def _is_final(element: DataElement | RawDataElement, implicit: bool) -> bool:
    """Whether it already is what would be made of it, as nearly every element of nearly every file."""
    if not isinstance(element, RawDataElement) or implicit or element.is_implicit_VR or not element.is_little_endian:
        return False
    value = element.value
    return element.VR in _FINAL and value is not None and element.length == len(value) and not element.length & 1


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


tag_of = cache(Tag)
"""The tag of a keyword."""
_dictionary_vr = cache(dictionary_VR)


def raw_bytes(dataset: Dataset, keyword: str, charsets: list[str]) -> bytes:
    """The value of a text as it stands in the file, without its padding; empty if there is none."""
    tag = tag_of(keyword)
    if tag not in dataset:
        return b""
    element = dataset.get_item(tag)
    if isinstance(element, DataElement):
        return written(element, True, charsets or [""])[8:].rstrip(b" \0")
    return (element.value or b"").rstrip(b" \0")


def put(dataset: Dataset, keyword: str, value: Any, vr: str | None = None) -> None:
    """Set an element: bytes as they are to be stored, padding aside; ASCII text, numbers, or lists of either."""
    tag = tag_of(keyword)
    vr = vr or _dictionary_vr(tag)
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = "\\".join(value)
    if isinstance(value, str):  # the same in every character set
        value = value.encode("ascii")
    elif isinstance(value, int) and vr in _PACKED:
        value = _PACKED[vr].pack(value)
    dataset[tag] = _raw(tag, vr, value) if isinstance(value, bytes) else DataElement(tag, vr, value)


def append_item(dataset: Dataset, keyword: str, item: Dataset) -> None:
    """Add ``item`` behind those that a sequence already has."""
    items = dataset[keyword].value if keyword in dataset else ()
    put(dataset, keyword, Sequence([*(items if isinstance(items, Sequence) else ()), item]))
