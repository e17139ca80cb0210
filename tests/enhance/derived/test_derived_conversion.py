# SPDX-License-Identifier: Apache-2.0
import struct

import numpy as np
import pydicom
from derived_case import BIG, IMPLICIT, RUN, derive_raw, raw_file, read
from dicom_datasets import item

from monai_gradprom.enhance.derived.image import write_derived

CREATOR = (0x00290010, "LO", b"WORKS 1.0 ")
FRAMES = np.zeros((1, 1, 2, 2), np.uint8)


def at(made, tag: int) -> tuple[str, bytes]:
    element = made.get_item(tag)
    return element.VR, element.value


def test_private_elements_of_implicit_files_are_unknown(tmp_path):
    made = derive_raw(tmp_path, [CREATOR, (0x00291010, "", b"\1\2\3\4")], IMPLICIT)
    assert at(made, 0x00291010) == ("UN", b"\1\2\3\4")
    assert at(made, 0x00290010) == ("LO", CREATOR[2])


def test_implicit_to_explicit(tmp_path):
    signed = (0x00280103, "US", struct.pack("<H", 1))
    elements = [signed, (0x00280106, "", b"\xfe\xff"), (0x00280120, "", b"\xfe\xff"), (0x00281050, "", b"40\\50 ")]
    seen = item(ReferencedSOPInstanceUID="1.2.99")
    raw = b"\x08\x00\x55\x11\x06\0\0\0" + b"1.2.99"
    elements.append((0x00081140, "", b"\xfe\xff\x00\xe0" + struct.pack("<L", len(raw)) + raw))
    source = raw_file(tmp_path / "source.dcm", elements, IMPLICIT)
    write_derived(read(source), tmp_path / "derived.dcm", FRAMES.astype(np.int8), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert at(made, 0x00280120) == ("SS", b"\xfe\xff")
    assert at(made, 0x00281050) == ("DS", b"40\\50 ")
    assert made.ReferencedImageSequence[0] == seen


def test_value_too_long_for_explicit_vr(tmp_path):
    made = derive_raw(tmp_path, [(0x00081030, "", b"x" * 70000), (0x00100020, "", b"behind")], IMPLICIT)
    assert at(made, 0x00081030) == ("UN", b"x" * 70000) and made.PatientID == "behind"


def test_sequences_of_implicit_files_are_edited_where_they_stay_implicit(tmp_path):
    inner = b"\x18\x00\x18\x60\x04\0\0\0" + struct.pack("<L", 7)
    sequence = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(inner)) + inner
    source = raw_file(tmp_path / "source.dcm", [(0x00186011, "", sequence)], IMPLICIT)
    frames = np.zeros((1, 1, 4, 4), np.uint8)
    write_derived(read(source), tmp_path / "derived.dcm", frames, RUN, 2, "implicit")
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert made.SequenceOfUltrasoundRegions[0].RegionLocationMinX0 == 14


def test_decoded_source_of_big_endian(tmp_path):
    source = raw_file(tmp_path / "source.dcm", [CREATOR, (0x00291010, "OW", struct.pack(">2H", 1, 2))], BIG)
    dataset = read(source)
    str(dataset)
    write_derived(dataset, tmp_path / "derived.dcm", FRAMES, RUN)
    assert at(pydicom.dcmread(tmp_path / "derived.dcm"), 0x00291010)[1] == struct.pack("<2H", 1, 2)


def test_big_to_little_endian(tmp_path):
    inner = b"\x00\x18\x60\x18UL\0\4" + struct.pack(">L", 7) + b"\x00\x18\x60\x2cFD\0\x08" + struct.pack(">d", 0.25)
    elements = [
        CREATOR,
        (0x00291010, "OW", struct.pack(">2H", 1, 2)),
        (0x00291011, "UN", b"\1\2\3\4"),
        (0x00291012, "SL", struct.pack(">l", -5)),
        (0x00280009, "AT", struct.pack(">2H", 0x0018, 0x1063)),
        (0x00186011, "SQ", b"\xff\xfe\xe0\x00" + struct.pack(">L", len(inner)) + inner),
        (0x60000010, "US", struct.pack(">H", 2)),
        (0x60000011, "US", struct.pack(">H", 2)),
        (0x60000050, "SS", struct.pack(">2h", -3, 1)),
        (0x60000100, "US", struct.pack(">H", 1)),
        (0x60000102, "US", struct.pack(">H", 0)),
        (0x60003000, "OW", struct.pack(">H", 0b1001)),
    ]
    made = derive_raw(tmp_path, elements, BIG)
    assert at(made, 0x00291010)[1] == struct.pack("<2H", 1, 2)
    assert at(made, 0x00291011)[1] == b"\1\2\3\4"
    assert at(made, 0x00291012)[1] == struct.pack("<l", -5)
    assert made.FrameIncrementPointer == pydicom.tag.Tag(0x0018, 0x1063)
    region = made.SequenceOfUltrasoundRegions[0]
    assert (region.RegionLocationMinX0, region.PhysicalDeltaX) == (7, 0.25)
    assert list(made[0x60000050].value) == [-3, 1]
    assert (made.overlay_array(0x6000) == [[1, 0], [0, 1]]).all()
