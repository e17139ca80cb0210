# SPDX-License-Identifier: Apache-2.0
"""Data elements as bytes: what nobody edits leaves as it came, whatever it is.

pydicom decodes a header when it changes its encoding and encodes it again. Text that does not fit its character set,
values that break a rule and private elements of unknown kind do not survive that. Here values stay bytes: only their
order changes for a big-endian source, and only the tag, VR and length in front of them for an implicit one.
"""

from __future__ import annotations

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import VR

Element = DataElement | RawDataElement

__all__ = ["carried", "editable_copy", "holds_items", "is_little_endian", "raw_element"]

_UNDEFINED = 0xFFFFFFFF
_WORDS = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_OPAQUE = ("OD", "OF", "OL", "OV", "OW")  # pydicom leaves these as bytes in the order of the file
_FINAL = frozenset(vr.value for vr in VR if len(vr.value) == 2)
_PADDED_BY_ZERO = ("OB", "UI", "UN")
_FILE_META = 0x2FFFF
_PIXELS = 0x7FE00000, 0x7FE00010  # pixel data of each kind and what describes their fragments
_PIXEL_REPRESENTATION = Tag("PixelRepresentation")


def editable_copy(dataset: Dataset, implicit: bool = False) -> Dataset:
    """A header of its own, in little-endian order, that may be edited and then encoded; no pixel data.

    Group lengths (retired), file meta information and command elements, which have no place in it, are left out.

    Args:
        dataset: as pydicom read it; deferred values are fetched from its file. Not changed.
        implicit: whether it will be written with implicit VR.
    """
    elements = carried(dataset, implicit)
    return Dataset({tag: element for tag, element in elements.items() if not _PIXELS[0] <= tag <= _PIXELS[1]})


def carried(dataset: Dataset, implicit: bool = False, signed: bool = False) -> dict[BaseTag, Element]:
    """The elements of a header, or of an item of a sequence, as they are to be written.

    Args:
        dataset: as pydicom read it, or as it was made here.
        implicit: whether it will be written with implicit VR.
        signed: whether pixel values are signed where ``dataset`` itself does not say.
    """
    if _PIXEL_REPRESENTATION in dataset:
        signed = dataset.get_item(_PIXEL_REPRESENTATION).value in (1, b"\1\0", b"\0\1")
    tags = [tag for tag in dataset.keys() if tag > _FILE_META and tag & 0xFFFF]  # noqa: SIM118
    return {tag: _element(dataset, tag, implicit, signed) for tag in tags}


def holds_items(element: Element) -> bool:
    """Whether it is a sequence, also where an implicit file or an archive that did not know it left out the VR."""
    if element.VR not in (None, "UN") or element.tag.is_private:
        return element.VR == "SQ"
    try:
        return dictionary_VR(element.tag) == "SQ"
    except KeyError:
        return False


def _element(dataset: Dataset, tag: BaseTag, implicit: bool, signed: bool) -> Element:
    element = dataset.get_item(tag)
    if _is_final(element, implicit):
        return element
    vr = _vr(element, signed)
    if isinstance(element, RawDataElement):
        same = element.is_little_endian and (element.is_implicit_VR or not element.VR) == implicit
        odd = element.length & 1 and element.length != _UNDEFINED  # a value within it is, and has to be padded
        if vr != "SQ" or (same and not odd):
            value = _in_order(element.value or b"", vr, element.is_little_endian)
            return raw_element(tag, vr, value, element.length, implicit)
        element = dataset[tag]
    if vr == "SQ":
        items = [Dataset(carried(item, implicit, signed)) for item in element.value or ()]
        return DataElement(tag, "SQ", Sequence(items))
    value = element.value
    if vr in _OPAQUE and isinstance(value, bytes):
        return raw_element(tag, vr, _in_order(value, vr, is_little_endian(dataset)))
    return DataElement(tag, vr, value) if vr != element.VR else element


def _is_final(element: Element, implicit: bool) -> bool:
    """Whether it already is what would be made of it, as nearly every element of nearly every file."""
    if not isinstance(element, RawDataElement) or implicit or element.is_implicit_VR or not element.is_little_endian:
        return False
    value = element.value
    return element.VR in _FINAL and value is not None and element.length == len(value) and not element.length & 1


def raw_element(tag: BaseTag, vr: str, value: bytes, length: int = 0, implicit: bool = False) -> RawDataElement:
    """An element of little-endian bytes, padded to an even number of them unless its length is undefined."""
    if length != _UNDEFINED:
        value += (b"\0" if vr in (*_PADDED_BY_ZERO, *_WORDS) else b" ") * (len(value) % 2)
        length = len(value)
    return RawDataElement(tag, vr, length, value, 0, implicit, True)


def _vr(element: Element, signed: bool) -> str:
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
