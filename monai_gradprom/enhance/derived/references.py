# SPDX-License-Identifier: Apache-2.0
"""What a derived image was made from and with: codes, references and contributing equipment."""

from __future__ import annotations

from datetime import timezone
from functools import cache, lru_cache
from typing import NamedTuple

from pydicom import Dataset
from pydicom.sequence import Sequence

from .edit import append_item, put, raw_bytes
from .encode import character_sets
from .identity import text
from .provenance import Provenance, plain
from .text import with_history

__all__ = [
    "Source",
    "add_evidence",
    "cite",
    "contribute",
    "declare_scheme",
    "derivation_codes",
    "derivation_sentence",
    "source_item",
]

SCHEME = "99MONAIGP"
"""CID 7203 (Image Derivation, extensible) has no code for a learned restoration. The nearest, 113087 Smoothing and
113086 Edge enhancement, name filters with properties that nobody can promise of a network. So a private code says it,
in a scheme that the object itself declares (PS3.3 C.12.1, Coding Scheme Identification Sequence)."""


class Source(NamedTuple):
    """The object that an image is derived from."""

    sop_class: str
    instance: str
    series: str
    study: str

    @classmethod
    def of(cls, header: Dataset) -> Source:
        """Read from a header that has not been given its new identity yet."""
        names = ("SOPClass", "SOPInstance", "SeriesInstance", "StudyInstance")
        return cls(*(text(header, f"{name}UID") for name in names))


def cite(header: Dataset, source: Source, provenance: Provenance, factor: int) -> None:
    """Say in an image without functional groups what it is derived from and how (PS3.3 C.7.6.1, C.12.4.1.1).

    The source takes the place of *its* sources; what it said of its own derivation stays behind ours.
    """
    earlier = raw_bytes(header, "DerivationDescription", character_sets(header))
    put(header, "DerivationDescription", with_history(derivation_sentence(provenance, factor), earlier))
    for code in derivation_codes(factor):
        append_item(header, "DerivationCodeSequence", code)
    put(header, "SourceImageSequence", Sequence([source_item(source, factor)]))
    declare_scheme(header)


@lru_cache(maxsize=8)
def derivation_sentence(provenance: Provenance, factor: int) -> str:
    """How an image was derived, for people."""
    return provenance.sentence + (f"; {factor} times as many rows and columns" if factor > 1 else "")


def derivation_codes(factor: int) -> list[Dataset]:
    """How an image was derived, for machines: items of DerivationCodeSequence."""
    codes = [_code("LEARNED", SCHEME, "Enhancement by neural network")]
    return codes + ([_code("113085", "DCM", "Spatial resampling")] if factor > 1 else [])


def source_item(source: Source, factor: int, frame: int | None = None) -> Dataset:
    """An item of SourceImageSequence; ``frame``, from 1, where one frame is derived from one frame."""
    item = _reference(source)
    if frame is not None:
        put(item, "ReferencedFrameNumber", str(frame))
    put(item, "SpatialLocationsPreserved", "YES" if factor == 1 else "NO")
    purpose = _code("121322", "DCM", "Source image for image processing operation")
    put(item, "PurposeOfReferenceCodeSequence", Sequence([purpose]))
    return item


def add_evidence(header: Dataset, source: Source) -> None:
    """Name study and series of the source, as functional groups that refer to it require (PS3.3 C.7.6.16.1)."""
    series, study = Dataset(), Dataset()
    put(series, "ReferencedSOPSequence", Sequence([_reference(source)]))
    put(series, "SeriesInstanceUID", source.series)
    put(study, "ReferencedSeriesSequence", Sequence([series]))
    put(study, "StudyInstanceUID", source.study)
    append_item(header, "SourceImageEvidenceSequence", study)


def contribute(header: Dataset, provenance: Provenance, factor: int) -> None:
    """Add the software and the bundle to the equipment that contributed (PS3.3 C.12.1, CID 7005)."""
    append_item(header, "ContributingEquipmentSequence", _equipment(provenance, factor))


@lru_cache(maxsize=8)
def _equipment(provenance: Provenance, factor: int) -> Dataset:
    item = Dataset()
    put(item, "PurposeOfReferenceCodeSequence", Sequence([_code("109102", "DCM", "Processing Equipment")]))
    put(item, "Manufacturer", "monai-gradprom")
    put(item, "ManufacturerModelName", plain(provenance.bundle))
    versions = (f"monai-gradprom {provenance.software_version}", provenance.bundle_version, provenance.weights_sha256)
    put(item, "SoftwareVersions", [plain(version) for version in versions])
    made = provenance.started.astimezone(timezone.utc)
    put(item, "ContributionDateTime", made.strftime("%Y%m%d%H%M%S.%f+0000"))
    put(item, "ContributionDescription", derivation_sentence(provenance, factor))
    return item


def declare_scheme(header: Dataset) -> None:
    """Say whose the private coding scheme is; once, where a source was itself derived by this project."""
    items = header.get("CodingSchemeIdentificationSequence") or ()
    if any(text(item, "CodingSchemeDesignator") == SCHEME for item in items):
        return
    append_item(header, "CodingSchemeIdentificationSequence", _scheme())


@cache
def _scheme() -> Dataset:
    item = Dataset()
    put(item, "CodingSchemeDesignator", SCHEME)
    put(item, "CodingSchemeName", "monai-gradprom derivations")
    put(item, "CodingSchemeResponsibleOrganization", "The monai_gradprom contributors")
    return item


def _reference(source: Source) -> Dataset:
    item = Dataset()
    put(item, "ReferencedSOPClassUID", source.sop_class)
    put(item, "ReferencedSOPInstanceUID", source.instance)
    return item


@cache
def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    put(item, "CodeValue", value)
    put(item, "CodingSchemeDesignator", scheme)
    put(item, "CodeMeaning", meaning)
    return item
