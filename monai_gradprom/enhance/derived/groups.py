# SPDX-License-Identifier: Apache-2.0
"""Functional groups of derived enhanced multi-frame objects (PS3.3 C.7.6.16.2)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.sequence import Sequence

from monai_gradprom.errors import InputError

from .edit import append_item, put, raw_bytes
from .elements import holds_items
from .identity import derived_type
from .provenance import Provenance
from .references import Source, add_evidence, declare_scheme, derivation_codes, derivation_sentence, source_item

__all__ = ["cite_frames", "frame_groups", "has_groups", "mark_frames", "nested", "shared_groups"]

PER_FRAME = "PerFrameFunctionalGroupsSequence"
SHARED = "SharedFunctionalGroupsSequence"


def has_groups(header: Dataset) -> bool:
    """Whether the object describes its frames in functional groups."""
    return bool(header.get(PER_FRAME) or header.get(SHARED))


def frame_groups(header: Dataset) -> list[Dataset]:
    """One item for every frame; empty where frames differ in nothing."""
    return list(header.get(PER_FRAME) or ())


def shared_groups(header: Dataset) -> list[Dataset]:
    """The item that all frames share, or none."""
    return list(header.get(SHARED) or ())


def nested(dataset: Dataset) -> Iterator[Dataset]:
    """``dataset`` and the items of all public sequences in it, at any depth."""
    yield dataset
    for tag in list(dataset.keys()):
        if not tag.is_private and holds_items(dataset.get_item(tag)):
            for item in dataset[tag].value or ():
                yield from nested(item)


def mark_frames(header: Dataset) -> None:
    """Make value 1 of every FrameType DERIVED, whatever macro holds it: MR, CT, PET, X-ray 3D, ultrasound."""
    for group in (*shared_groups(header), *frame_groups(header)):
        for tag in list(group.keys()):
            if not tag.is_private and holds_items(group.get_item(tag)):
                for item in group[tag].value or ():
                    if "FrameType" in item:
                        put(item, "FrameType", derived_type(raw_bytes(item, "FrameType", [""])))


def cite_frames(header: Dataset, source: Source, frames: int, provenance: Provenance, factor: int) -> None:
    """Say of every frame which frame it is derived from and how, in the Derivation Image macro (C.7.6.16.2.6).

    Earlier derivations, of the source from its sources, stay behind ours; what all frames shared moves to each.

    Raises:
        InputError: the source describes more or fewer frames than it has.
    """
    groups = frame_groups(header) or [Dataset() for _ in range(frames)]
    if len(groups) != frames:
        raise InputError(
            f"the DICOM header describes {len(groups)} frames in its functional groups and has {frames}; repair it or"
            " leave the file out"
        )
    shared = [item for group in shared_groups(header) for item in group.get("DerivationImageSequence") or ()]
    for number, group in enumerate(groups, 1):
        item = Dataset()
        put(item, "DerivationDescription", derivation_sentence(provenance, factor))
        for code in derivation_codes(factor):
            append_item(item, "DerivationCodeSequence", code)
        put(item, "SourceImageSequence", Sequence([source_item(source, factor, number)]))
        earlier = group.get("DerivationImageSequence") or shared
        put(group, "DerivationImageSequence", Sequence([item, *earlier]))
    for group in shared_groups(header):
        group.pop("DerivationImageSequence", None)
    put(header, PER_FRAME, Sequence(groups))
    add_evidence(header, source)
    declare_scheme(header)
