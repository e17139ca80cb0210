# SPDX-License-Identifier: Apache-2.0
"""A header as bytes (PS3.5 7.1): elements that nobody has touched as they came."""

from __future__ import annotations

from struct import Struct

from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from .elements import Element, carried

__all__ = ["character_sets", "encode", "written"]

_UNDEFINED = 0xFFFFFFFF
_CHARACTER_SET = BaseTag(0x00080005)
_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
_IMPLICIT, _SHORT, _LONG = Struct("<HHL"), Struct("<HH2sH"), Struct("<HH2sxxL")


def encode(
    dataset: Dataset, implicit: bool = False, charsets: list[str] | None = None, first: int = 0, end: int = 1 << 32
) -> bytes:
    """The elements of :func:`.elements.editable_copy` as little-endian bytes, in the order of their tags.

    Args:
        dataset: the header.
        implicit: with implicit VR; must be what it was copied for.
        charsets: of the item's surroundings, where it names none of its own.
        first: the lowest tag.
        end: the tag to stop before.
    """
    return _joined(dict(dataset.items()), implicit, charsets, first, end)


def _joined(
    elements: dict[BaseTag, Element], implicit: bool, charsets: list[str] | None, first: int = 0, end: int = 1 << 32
) -> bytes:
    charsets = _terms(elements.get(_CHARACTER_SET)) or charsets or [""]
    by_number = {int(tag): element for tag, element in elements.items()}
    tags = sorted(tag for tag in by_number if first <= tag < end)
    return b"".join(_encoded(by_number[tag], implicit, charsets) for tag in tags)


def _encoded(element: Element, implicit: bool, charsets: list[str]) -> bytes:
    if isinstance(element, DataElement):
        if element.VR != "SQ":
            return written(element, implicit, charsets)
        items = b"".join(_item(item, implicit, charsets) for item in element.value or ())
        element = RawDataElement(element.tag, "SQ", len(items), items, 0, implicit, True)
    value, vr, length = element.value or b"", str(element.VR), element.length
    group, number = divmod(int(element.tag), 1 << 16)
    if implicit:
        head = _IMPLICIT.pack(group, number, length)
    elif vr in EXPLICIT_VR_LENGTH_32 or len(value) > 0xFFFF:  # too long for its VR: PS3.5 6.2.2, Note 4
        head = _LONG.pack(group, number, (vr if vr in EXPLICIT_VR_LENGTH_32 else "UN").encode("latin1"), length)
    else:
        head = _SHORT.pack(group, number, vr.encode("latin1"), length)
    return head + value + (_DELIMITER if element.length == _UNDEFINED else b"")


def written(element: DataElement, implicit: bool, charsets: list[str]) -> bytes:
    """What was decoded or made here, as pydicom encodes it."""
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, implicit
    write_data_element(stream, element, charsets)
    return bytes(stream.getvalue())


def _item(item: Dataset, implicit: bool, charsets: list[str]) -> bytes:
    # one that was read while it was edited is still as its file had it, which may be another encoding
    body = _joined(carried(item, implicit), implicit, charsets)
    return b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body


def character_sets(dataset: Dataset) -> list[str]:
    """The terms of SpecificCharacterSet, without decoding the element for good; empty: it has none."""
    return _terms(dataset.get_item(_CHARACTER_SET) if _CHARACTER_SET in dataset else None)


def _terms(element: Element | None) -> list[str]:
    value = element.value if element is not None else None
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace").split("\\")
    terms = [value] if isinstance(value, str) else list(value or ())
    terms = [str(term).strip(" \0") for term in terms]
    return terms if any(terms) else []
