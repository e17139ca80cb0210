# SPDX-License-Identifier: Apache-2.0
"""The fast reader of headers and values gives what pydicom gives, or leaves the file to pydicom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_datasets import write_dicom
from pydicom import Dataset
from pydicom.filereader import read_partial
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from monai_gradprom.formats import identify
from monai_gradprom.formats.dicom.plain_elements import read_plain_header
from monai_gradprom.formats.dicom.quiet import quiet
from monai_gradprom.formats.dicom.values import HeaderValues

PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
DATA = Path(pydicom.__file__).parent / "data"
OTHERS = [p for p in sorted(DATA.rglob("*")) if p.is_file() and p.suffix not in (".py", ".pyc", ".json")]


def plain(path):
    with quiet(), path.open("rb") as file:
        found = read_plain_header(file, PIXELS)
        return found, file.tell()


def by_pydicom(path):
    seen = []

    def stop(tag, vr, length):
        seen[:] = [(int(tag), vr or "", length)] if int(tag) in PIXELS else []
        return bool(seen)

    with quiet(), path.open("rb") as file:
        return (read_partial(file, stop, force=True), seen[0]), file.tell()


def state(dataset):
    """All that the rest of this package asks a data set."""
    with quiet():
        elements = {tag: dataset[tag] for tag in dataset.keys()}  # noqa: SIM118
        meta = {tag: dataset.file_meta[tag] for tag in dataset.file_meta.keys()}  # noqa: SIM118
    return elements, meta, dataset.preamble, dataset.is_implicit_VR, dataset.is_little_endian, dataset._character_set


def assert_same(path):
    (found, pixels), end = plain(path)
    (expected, expected_pixels), expected_end = by_pydicom(path)
    assert (pixels, end) == (expected_pixels, expected_end)
    assert found.filename == expected.filename
    raws = {tag: element for tag, element in found.items() if element.is_raw and tag != 0x00080005}
    assert raws and raws == {tag: element for tag, element in expected.items() if tag in raws}
    assert state(found) == state(expected)


def test_files_of_others():
    fast = [path for path in OTHERS if identify(path) == "DICOM" and plain(path)[0]]
    assert len(fast) > 80
    for path in fast:
        assert_same(path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_both_native_encodings(tmp_path, syntax):
    item = Dataset()
    item.CodeValue = "1"
    assert_same(
        write_dicom(
            tmp_path / "a",
            np.zeros((4, 4), np.uint8),
            syntax,
            SpecificCharacterSet=["", "ISO 2022 IR 87"],
            ProcedureCodeSequence=[item],
            InstitutionName="",
            PixelPaddingValue=None,
        )
    )


def test_sequences_of_undefined_length_and_long_headers(tmp_path):
    """Longer than what is read at once, and with an element that reaches beyond it."""
    inner, item = Dataset(), Dataset()
    inner.LongCodeValue = "x" * 70000
    item.ProcedureCodeSequence = [inner]
    dataset = pydicom.dcmread(write_dicom(tmp_path / "a", np.zeros((4, 4), np.uint8), ReferencedStudySequence=[item]))
    dataset["ReferencedStudySequence"].is_undefined_length = True
    dataset["ReferencedStudySequence"][0].is_undefined_length_sequence_item = True
    dataset.add_new(0x00091001, "OB", bytes(200000))
    dataset.add_new(0x00090010, "LO", "MINE")
    dataset.save_as(tmp_path / "b")
    assert b"\xff\xff\xff\xff" in (tmp_path / "b").read_bytes()
    assert_same(tmp_path / "b")


def broken(path, how):
    data = bytearray(path.read_bytes())
    rows = data.index(b"\x28\x00\x10\x00US")
    if how == "no prefix":
        data[128:132] = b"XXXX"
    if how == "unknown VR":
        data[rows + 4 : rows + 6] = b"ZZ"
    if how == "cut":
        del data[rows + 7 :]
    if how == "unknown VR of pixels":
        data[data.index(b"\xe0\x7f\x10\x00") + 4] = 0
    if how == "command":
        data[rows : rows + 4] = b"\0\0\x10\0"
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["no prefix", "unknown VR", "unknown VR of pixels", "cut", "command"])
def test_what_is_unusual_is_left_to_pydicom(tmp_path, how):
    path = write_dicom(tmp_path / "a", np.zeros((4, 4), np.uint8))
    assert plain(path)[0]
    broken(path, how)
    assert plain(path) == (None, 0)


def test_what_is_not_plain_little_endian_is_left_to_pydicom(tmp_path):
    for name in ("ExplVR_BigEnd.dcm", "image_dfl.dcm", "no_meta.dcm", "rtplan.dcm", "MR_small_bigendian.dcm"):
        (path,) = DATA.rglob(name)
        assert plain(path) == (None, 0), name


def raw(keyword, vr, value, little=True):
    tag = Tag(keyword)
    return {tag: pydicom.dataelem.RawDataElement(tag, vr, len(value), value, 0, False, little)}


CASES = [
    ("Rows", "US", b"\x00\x02"),
    ("Rows", "US", b"\x00\x02\x01\x00"),
    ("Rows", "US", b"\x00"),
    ("Modality", "CS", b"CT "),
    ("Modality", "CS", b" CT\0"),
    ("Modality", "CS", b""),
    ("Modality", "CS", b"\xff\xfe"),
    ("ImageType", "CS", b"ORIGINAL\\PRIMARY "),
    ("SOPClassUID", "UI", b"1.2.3\0"),
    ("SOPClassUID", "UI", b" 1.2.3"),
    ("SOPClassUID", "UI", b"1.2.3\t"),
    ("SOPClassUID", "UI", b"1.2\\1.3\0"),
    ("RescaleSlope", "DS", b" 1.50 "),
    ("RescaleSlope", "DS", b"1e999 "),
    ("RescaleSlope", "DS", b"-2e-3 "),
    ("RescaleSlope", "DS", b"  "),
    ("WindowCenter", "DS", b"40\\50 "),
    ("WindowCenter", "DS", b"40\0"),
    ("RescaleSlope", "DS", b"nan "),
    ("RescaleSlope", "DS", b"1.2.3 "),
    ("RescaleSlope", "DS", b"1_0 "),
    ("NumberOfFrames", "IS", b"+30 "),
    ("NumberOfFrames", "IS", b"30.0"),
    ("PatientName", "PN", b"Doe^Jane"),
]


def value_of(dataset, keyword):
    try:
        with quiet():
            return dataset.get(keyword, "absent")
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_those_of_pydicom(case):
    for little in (True, False):
        elements = raw(*case, little)
        expected = value_of(Dataset(dict(elements)), case[0])
        found = value_of(HeaderValues(dict(elements)), case[0])
        assert found == expected or (found != found and expected != expected)  # NaN
        assert str(found).strip() == str(expected).strip() or float(found) == float(expected)


def test_what_is_absent_or_no_element():
    values = HeaderValues(raw(*CASES[0]))
    assert values.get("Columns") is None and values.get("Columns", 3) == 3
    assert values.get("nonsense", 4) == 4 and values.get("is_undefined_length_sequence_item") is False
    assert values.get(0x00280010).value == 512 and values.get("Rows") == 512


def test_plain_values_are_not_decoded_by_pydicom(monkeypatch):
    """Switched off, every value would go through pydicom's own conversion."""
    values = HeaderValues(raw(*CASES[0]) | raw("Modality", "CS", b"CT") | raw("RescaleSlope", "DS", b"2.5 "))
    monkeypatch.setattr(Dataset, "__getitem__", None)
    assert [values.get(keyword) for keyword in ("Rows", "Modality", "RescaleSlope")] == [512, "CT", 2.5]


def test_values_that_were_asked_for_leave_the_header_as_it_came(tmp_path):
    from monai_gradprom.formats.dicom.image import open_dicom

    path = write_dicom(tmp_path / "a", np.zeros((4, 4), np.uint8), WindowCenter="040.0 ", WindowWidth=" 1e2")
    image = open_dicom(path)
    assert image.window == (-10.0, 89.0)
    assert image.affine is not None and image.values["WindowCenter"].value == 40
    assert image.dataset.get_item("WindowCenter").value == b"040.0 "
