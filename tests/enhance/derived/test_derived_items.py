# SPDX-License-Identifier: Apache-2.0
"""Items of sequences, as archives of all kinds encode them, in derived files."""

from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest
from derived_case import IMPLICIT, LITTLE, RUN, as_frames, raw_file, read

from monai_gradprom.enhance.derived.image import write_derived
from monai_gradprom.formats.dicom.image import open_dicom

PIXELS = np.zeros((2, 2), np.uint8)
CODE = {0x00080100: ("SH", b"113040"), 0x00080102: ("SH", b"DCM "), 0x00080104: ("LO", b"Lossy Compression ")}
SHARED, PER_FRAME = 0x52009229, 0x52009230


def item(elements, implicit):
    """One item of defined length."""
    body = b""
    for tag, (vr, value) in elements.items():
        body += struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        long = vr in ("SQ", "UN", "OB", "OW")
        if implicit:
            body += struct.pack("<L", len(value))
        else:
            body += vr.encode() + (struct.pack("<xxL", len(value)) if long else struct.pack("<H", len(value)))
        body += value
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(body)) + body


def derived(tmp_path, elements, syntax=LITTLE, factor=1, to="explicit"):
    """Through :class:`DicomImage`, as folder enhancement does."""
    path = raw_file(tmp_path / "source", elements, syntax)
    image = open_dicom(path)
    target = tmp_path / "derived"
    write_derived(image.dataset, target, as_frames(PIXELS, factor), RUN, factor, to)
    return pydicom.dcmread(target)


def well_formed(dataset):
    """Every VR is one, at every depth; so is what pydicom makes of the values."""
    for element in dataset:
        assert element.VR in {vr.value for vr in pydicom.valuerep.VR}, element.tag
        for one in element.value if element.VR == "SQ" else ():
            well_formed(one)


@pytest.mark.parametrize("to", ["explicit", "implicit"])
@pytest.mark.parametrize("vr", ["UN", "SQ"])
@pytest.mark.parametrize("tag", [0x00089215, 0x00080110, 0x0018A001])
def test_implicit_items_in_an_explicit_file(tmp_path, tag, vr, to):
    """What PS3.5 6.2.2, Note 4, has archives write that do not know a sequence; ours goes behind theirs."""
    made = derived(tmp_path, [(tag, vr, item(CODE, implicit=True))], to=to)
    well_formed(made)
    assert len(made[tag].value) == 2
    first = made[tag].value[0]
    assert (first.CodeValue, first.CodingSchemeDesignator, first.CodeMeaning) == ("113040", "DCM", "Lossy Compression")
    assert bytes(made[0x00280010].value.to_bytes(2, "little")) == b"\2\0"


@pytest.mark.parametrize("vr", ["UN", "SQ"])
def test_regions_that_an_archive_did_not_know_are_enlarged(tmp_path, vr):
    numbers = {0x00186012: 1, 0x00186014: 1}
    corners = {0x00186018: 0, 0x0018601A: 0, 0x0018601C: 1, 0x0018601E: 1}
    region = {tag: ("US", struct.pack("<H", n)) for tag, n in numbers.items()}
    region |= {tag: ("UL", struct.pack("<L", n)) for tag, n in corners.items()}
    made = derived(tmp_path, [(0x00186011, vr, item(region, implicit=True))], factor=2)
    assert made.SequenceOfUltrasoundRegions[0].RegionLocationMaxX1 == 3
    well_formed(made)


def groups(implicit, unknown=False):
    frame_type = item({0x00089007: ("CS", b"ORIGINAL\\PRIMARY\\X")}, implicit)
    spacing = item({0x00280030: ("DS", b"1.0\\1.0 "), 0x00189306: ("FD", struct.pack("<d", 1.0))}, implicit)
    shared = item({0x00189226: ("SQ", frame_type), 0x00289110: ("SQ", spacing)}, implicit)
    frame = item({0x00209111: ("SQ", item({0x00209157: ("UL", b"\1\0\0\0")}, implicit))}, implicit)
    vr = "UN" if unknown else "SQ"
    return [(SHARED, vr, shared), (PER_FRAME, vr, frame), (0x00280008, "IS", b"1 ")]


@pytest.mark.parametrize("to", ["explicit", "implicit"])
@pytest.mark.parametrize(
    ("syntax", "implicit", "unknown"), [(LITTLE, False, False), (LITTLE, True, True), (IMPLICIT, True, False)]
)
def test_functional_groups_are_marked_and_enlarged_however_they_are_encoded(tmp_path, syntax, implicit, unknown, to):
    made = derived(tmp_path, groups(implicit, unknown), syntax, factor=2, to=to)
    (shared,) = made.SharedFunctionalGroupsSequence
    assert list(shared.MRImageFrameTypeSequence[0].FrameType) == ["DERIVED", "PRIMARY", "X"]
    assert list(shared.PixelMeasuresSequence[0].PixelSpacing) == [0.5, 0.5]
    assert made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    well_formed(made)


@pytest.mark.parametrize("to", ["explicit", "implicit"])
def test_pixels_within_a_sequence_stay(tmp_path, to):
    """A private one; only the image's own are replaced."""
    inner = {0x00280010: ("US", b"\1\0"), 0x7FE00010: ("OW", b"abcd")}
    elements = [(0x00090010, "LO", b"MINE"), (0x00091001, "SQ", item(inner, implicit=False))]
    assert derived(tmp_path, elements, to=to).get_item(0x00091001).value.endswith(b"abcd")
    source = pydicom.dcmread(raw_file(tmp_path / "other", elements))
    source[0x00091001].is_undefined_length = True  # read and written item by item
    source.save_as(tmp_path / "other")
    write_derived(read(tmp_path / "other"), tmp_path / "made", as_frames(PIXELS), RUN, 1, to)
    assert b"abcd" in (tmp_path / "made").read_bytes()


def test_group_lengths_in_an_item_that_is_edited_are_dropped(tmp_path):
    """Nobody would correct them."""
    made = derived(tmp_path, [(0x00089215, "SQ", item({0x00080000: ("UL", b"\x10\0\0\0")} | CODE, implicit=False))])
    assert 0x00080000 not in made.DerivationCodeSequence[0] and made.DerivationCodeSequence[0].CodeValue == "113040"


def test_an_item_of_odd_length_is_padded_where_it_is_odd(tmp_path):
    made = derived(tmp_path, [(0x00081032, "SQ", item({0x00080100: ("SH", b"odd")}, implicit=False))])
    assert made.ProcedureCodeSequence[0].CodeValue == "odd" and made.Rows == 2


def test_signs_within_an_item_are_its_own(tmp_path):
    inner = item({0x00280103: ("US", b"\1\0"), 0x00280106: ("SS", b"\xf0\xff")}, implicit=True)
    made = derived(tmp_path, [(0x00081140, "SQ", inner)], IMPLICIT)
    assert made[0x00081140].value[0][0x00280106].VR == "SS" and made[0x00081140].value[0][0x00280106].value == -16


def test_elements_between_pixels_and_the_next_group_stay(tmp_path):
    made = derived(tmp_path, [(0x7FE00020, "OW", b"abcd")])
    assert made[0x7FE00020].value == b"abcd"
