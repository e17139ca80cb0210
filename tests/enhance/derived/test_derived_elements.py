# SPDX-License-Identifier: Apache-2.0
import traceback
import warnings

import numpy as np
import pydicom
import pytest
from derived_case import BIG, IMPLICIT, LITTLE, RUN, derive, derive_raw, raw_file, read
from dicom_datasets import item

from monai_gradprom.enhance.derived import image as derived
from monai_gradprom.enhance.derived.image import write_derived
from monai_gradprom.errors import InputError

CREATOR = (0x00290010, "LO", b"WORKS 1.0 ")
FRAMES = np.zeros((1, 1, 2, 2), np.uint8)


def at(made, tag: int) -> tuple[str, bytes]:
    element = made.get_item(tag)
    return element.VR, element.value


@pytest.mark.parametrize("to", ["explicit", "implicit"])
@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("LO", b"\xff\x00\x1bthree"),
        ("UN", bytes(range(256))),
        ("OB", b"\1\2\3\4"),
        ("OW", b"\1\2\3\4"),
        ("DS", b"no number "),
        ("FD", b"six by"),
        ("ZZ", b"who knows "),
        ("UI", b"1.2.3\0"),
        ("SQ", b"\xfe\xff\x00\xe0\x08\0\0\0\x29\0\x11\x10LO\0\0"),
    ],
)
def test_private_elements_keep_their_bytes(tmp_path, vr, value, to):
    if vr == "SQ" and to == "implicit":
        pytest.skip("items are laid out anew")
    made = derive_raw(tmp_path, [CREATOR, (0x00291010, vr, value)], transfer_syntax=to)
    assert at(made, 0x00291010)[1] == value
    assert at(made, 0x00290010)[1] == CREATOR[2]
    if to == "explicit":
        assert at(made, 0x00291010)[0] == vr


def test_private_elements_after_the_pixels_stay(tmp_path):
    made = derive_raw(tmp_path, [(0x7FE10010, "LO", b"WORKS "), (0x7FE11010, "OB", b"\1\2")])
    assert at(made, 0x7FE11010) == ("OB", b"\1\2")


@pytest.mark.parametrize("syntax", [LITTLE, IMPLICIT, BIG])
def test_odd_sources_do_not_stop_the_writer(tmp_path, syntax):
    elements = [
        (0x00080000, "UL", b"\1\2\3\4"),  # group length, and a wrong one
        (0x00080001, "UL", b"\1\2\3\4"),  # length to end, retired
        (0x00080040, "US", b"\0\1"),  # retired
        (0x00080060, "CS", b"US\0"),  # odd
        (0x00101010, "LO", b"030Y"),  # another VR than the dictionary's
        (0x00101020, "DS", b"tall "),
        (0x00181063, "DS", b"12345678901234567890"),
        (0x0018106A, "CS", b"lower case and much too long for CS "),
        (0x00185100, "CS", b""),
        (0x00201041, "US", b"\1\2"),
        (0x00289999, "UN", b"\1\2"),  # in no dictionary
        (0x00090002, "LO", b"stray!"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = derive_raw_checked(tmp_path, elements, syntax)
    assert 0x00080000 not in made and 0x00080001 not in made
    assert at(made, 0x00181063)[1] == b"12345678901234567890"
    assert at(made, 0x00080060)[1] == b"US\0\0" or at(made, 0x00080060)[1] == b"US\0 "
    assert at(made, 0x00101020)[1].rstrip() == b"tall"
    assert at(made, 0x00289999)[1] == b"\1\2"


def derive_raw_checked(folder, elements, syntax):
    source = raw_file(folder / "source.dcm", elements, syntax)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = read(source)
    write_derived(dataset, folder / "derived.dcm", FRAMES, RUN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(folder / "derived.dcm")


def test_source_is_not_changed(tmp_path):
    groups = [item(PlanePositionSequence=[item(ImagePositionPatient=[1, 2, 3])])]
    pixels = np.zeros((4, 4), np.uint8)
    more = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1], "ImageType": ["ORIGINAL", "PRIMARY"]}
    more |= {"PerFrameFunctionalGroupsSequence": groups, "ContributingEquipmentSequence": [item(Manufacturer="X")]}
    more["SharedFunctionalGroupsSequence"] = [
        item(PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    ]
    derive(tmp_path, pixels, **more)
    untouched = pydicom.dcmread(tmp_path / "source.dcm")
    for parsed in (False, True):
        dataset = pydicom.dcmread(tmp_path / "source.dcm")
        if parsed:
            str(dataset)  # decodes every element
        write_derived(dataset, tmp_path / "again.dcm", np.zeros((1, 1, 8, 8), np.uint8), RUN, 2)
        assert dataset == untouched


def test_decoded_source_gives_the_same_file(tmp_path):
    derive(tmp_path, np.zeros((4, 4), np.uint8), PatientName="Müller^Jürg", SpecificCharacterSet="ISO_IR 100")
    dataset = pydicom.dcmread(tmp_path / "source.dcm")
    str(dataset)
    write_derived(dataset, tmp_path / "again.dcm", np.zeros((1, 1, 4, 4), np.uint8), RUN)
    assert (tmp_path / "again.dcm").read_bytes() == (tmp_path / "derived.dcm").read_bytes()


@pytest.mark.parametrize(
    "broken",
    [
        (0x00280010, "US", b"secret-7"),
        (0x00280008, "IS", b"secret-7"),
        (0x00081140, "SQ", b"secret-7"),
        (0x00189004, "CS", b"secret-7"),
    ],
)
def test_no_message_quotes_the_header(tmp_path, broken, recwarn):
    source = raw_file(tmp_path / "source.dcm", [broken, (0x00100010, "PN", b"secret-7")], IMPLICIT)
    dataset = read(source)
    recwarn.clear()
    try:
        write_derived(dataset, tmp_path / "derived.dcm", FRAMES, RUN)
    except InputError as error:
        assert "secret" not in "".join(traceback.format_exception(error))
    assert not [warning for warning in recwarn if "secret" in str(warning.message)]


def test_no_trace_of_what_a_library_said_of_the_header(tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("cannot make sense of 'secret-7'")

    monkeypatch.setattr(derived, "editable_copy", fail)
    with pytest.raises(InputError, match=r"carried over \(ValueError\)") as caught:
        derive(tmp_path, np.zeros((2, 2), np.uint8))
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_vanished_source_of_deferred_values_is_an_error_of_the_system(tmp_path):
    source = raw_file(tmp_path / "source.dcm", [CREATOR, (0x00291010, "OB", bytes(1000))])
    dataset = read(source)
    source.unlink()
    with pytest.raises(OSError):
        write_derived(dataset, tmp_path / "derived.dcm", FRAMES, RUN)


def test_deferred_values_are_fetched(tmp_path):
    made = derive_raw(tmp_path, [CREATOR, (0x00291010, "OB", bytes(range(250)) * 4)])
    assert at(made, 0x00291010)[1] == bytes(range(250)) * 4
