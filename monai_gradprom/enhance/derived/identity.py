# SPDX-License-Identifier: Apache-2.0
"""Which object and series a derived image is, when it was made, and what may not be carried over to it."""

from __future__ import annotations

from datetime import datetime

from pydicom import Dataset

from monai_gradprom.errors import InputError

from .edit import put, raw_bytes, tag_of
from .encode import character_sets
from .provenance import Provenance
from .text import encoded_description, marked_description
from .uids import derived_uid

__all__ = ["derived_type", "identify", "remove_stale", "text"]

PET_IMAGE = "1.2.840.10008.5.1.4.1.1.128"
_IS_LIMIT = 2**31 - 1
_SERIES_OFFSET = 1000

_STALE = [
    # signatures over pixels that are no longer there, and who authorised them
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "SOPInstanceStatus",
    "SOPAuthorizationDateTime",
    "SOPAuthorizationComment",
    "AuthorizationEquipmentCertificationNumber",
    # of the source's pixels
    "IconImageSequence",
    "HistogramSequence",
    "PixelDataProviderURL",
    # of the source's pixels and of all images of its series; the image's own are made anew
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "SmallestImagePixelValueInPlane",
    "LargestImagePixelValueInPlane",
    # where the source came from or is kept
    "InstanceCreatorUID",
    "InstanceCoercionDateTime",
    "StorageMediaFileSetID",
    "StorageMediaFileSetUID",
    "RetrieveAETitle",
    "RetrieveURI",
    "RetrieveURL",
    "InstanceAvailability",
    # of the source's encoding
    "DataSetTrailingPadding",
    "LengthToEnd",
    "CompressionCode",
]
_STALE_TAGS = {tag_of(keyword) for keyword in _STALE}


def remove_stale(header: Dataset) -> None:
    """Drop what was true of the source alone. Sequences that refer to *other* objects stay: they still do."""
    for tag in _STALE_TAGS & header.keys():
        del header[tag]


def identify(header: Dataset, provenance: Provenance) -> None:
    """Make ``header`` a new object in a new series of the same study, patient and frame of reference.

    Raises:
        InputError: the source has no SOP Instance UID, so that nothing could refer to it.
    """
    source, series = text(header, "SOPInstanceUID"), text(header, "SeriesInstanceUID")
    if not source or not text(header, "SOPClassUID"):
        raise InputError(
            "the DICOM header has no SOP Class or Instance UID to refer to; repair it or leave the file out"
        )
    key = provenance.run_key
    put(header, "SOPInstanceUID", derived_uid(source, key))
    put(header, "SeriesInstanceUID", derived_uid(series or f"series of {source}", key))
    # parts of one concatenation belong together (PS3.3 C.7.6.16.2.2.4), but not with those of the source
    for keyword in ("ConcatenationUID", "SOPInstanceUIDOfConcatenationSource"):
        if text(header, keyword):
            put(header, keyword, derived_uid(text(header, keyword), key))
    put(header, "SeriesNumber", str(_series_number(text(header, "SeriesNumber"))))
    _describe_series(header, provenance)
    _date(header, provenance.started_in(text(header, "TimezoneOffsetFromUTC")))
    if "ImageType" in header or "SharedFunctionalGroupsSequence" not in header:
        put(header, "ImageType", derived_type(raw_bytes(header, "ImageType", [""])))
    if text(header, "ContentQualification") == "PRODUCT":
        put(header, "ContentQualification", "RESEARCH")  # no one has approved it (PS3.3 C.8.13.2.1.1)


def _series_number(source: str) -> int:
    try:
        number = int(source)
    except ValueError:
        number = 0
    offset = _SERIES_OFFSET if number <= _IS_LIMIT - _SERIES_OFFSET else -_SERIES_OFFSET
    return number + offset


def _describe_series(header: Dataset, provenance: Provenance) -> None:
    charsets = character_sets(header)
    if provenance.series_description is None:
        value = marked_description(raw_bytes(header, "SeriesDescription", charsets), charsets)
    else:
        value = encoded_description(provenance.series_description, charsets)
    put(header, "SeriesDescription", value)


def _date(header: Dataset, made: datetime) -> None:
    """When object, content and series were made; when the patient was examined stays.

    A header without TimezoneOffsetFromUTC gets UTC and no offset, which would be claimed of its other times as well.
    """
    pairs = ["InstanceCreation", "Content"]
    if text(header, "SOPClassUID") != PET_IMAGE:
        # for PET it is the time that decay is corrected to, and uptake values are computed with it (C.8.9.1)
        pairs.append("Series")
    for name in pairs:
        put(header, f"{name}Date", made.strftime("%Y%m%d"))
        put(header, f"{name}Time", made.strftime("%H%M%S.%f"))


def derived_type(source: bytes) -> bytes:
    """ImageType or FrameType of a derived image (PS3.3 C.7.6.1.1.2): value 1 is DERIVED, the others stay.

    Where value 2 is missing, it was not made directly in an examination as far as anyone can tell: SECONDARY.
    """
    return b"DERIVED\\" + (source.partition(b"\\")[2] or b"SECONDARY")


def text(header: Dataset, keyword: str) -> str:
    """The value of a code string, number or UID, without padding; empty if it is missing. Not for names and texts."""
    return raw_bytes(header, keyword, [""]).decode("ascii", "replace").strip()
