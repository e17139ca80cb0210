# SPDX-License-Identifier: Apache-2.0
"""Reading and setting single elements of a header that is being edited."""

from __future__ import annotations

from functools import cache
from struct import Struct
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from .elements import raw_element
from .encode import written

__all__ = ["append_item", "put", "raw_bytes", "tag_of"]

_PACKED = {"US": Struct("<H"), "SS": Struct("<h"), "UL": Struct("<L")}
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
    dataset[tag] = raw_element(tag, vr, value) if isinstance(value, bytes) else DataElement(tag, vr, value)


def append_item(dataset: Dataset, keyword: str, item: Dataset) -> None:
    """Add ``item`` behind those that a sequence already has."""
    items = dataset[keyword].value if keyword in dataset else ()
    put(dataset, keyword, Sequence([*(items if isinstance(items, Sequence) else ()), item]))
