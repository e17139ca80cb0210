# SPDX-License-Identifier: Apache-2.0
import hashlib
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from derived_case import RUN, STARTED, derive, derive_raw, read
from dicom_datasets import item

from monai_gradprom.enhance.derived.image import Provenance, derived_uid, write_derived
from monai_gradprom.errors import InputError

PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
POSITION = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [2, 4]}
KEPT = {
    "PatientName": "Doe^Jane", "PatientID": "secret-7", "StudyInstanceUID": "1.2.9", "FrameOfReferenceUID": "1.2.8",
    "Manufacturer": "Scanner Works", "AcquisitionDate": "20200101", "AcquisitionTime": "101010",
    "StudyDate": "20200102",
    
    "InstanceNumber": "17", "AccessionNumber": "A1", "WindowCenter": "40", "WindowWidth": "400", "RescaleSlope": "2",
    "RescaleIntercept": "-1024", "RescaleType": "HU", "ICCProfile": b"profile!", **POSITION,
}  # fmt: skip


def by_hand(uid: str, key: str) -> str:
    return "2.25." + str(int(hashlib.sha256(f"{uid}\n{key}".encode()).hexdigest()[:32], 16))


def test_uid_is_a_function_of_source_and_run():
    assert derived_uid("1.2.3", "run one") == by_hand("1.2.3", "run one")
    assert len({derived_uid(uid, key) for uid in ("1.2.3", "1.2.4") for key in ("one", "two")}) == 4


def test_new_object_in_a_new_series_of_the_same_study(tmp_path):
    made = derive(tmp_path, PIXELS, **KEPT)
    assert made.SOPInstanceUID == by_hand("1.2.3.4", "run one")
    assert made.SeriesInstanceUID == by_hand("1.2.3", "run one")
    other = derive(tmp_path, PIXELS, **KEPT, SOPInstanceUID="1.2.3.5")
    assert other.SeriesInstanceUID == made.SeriesInstanceUID and other.SOPInstanceUID != made.SOPInstanceUID


def test_patient_study_place_and_meaning_of_values_are_kept(tmp_path):
    made, source = derive(tmp_path, PIXELS, **KEPT), pydicom.dcmread(tmp_path / "source.dcm")
    assert {name: made[name] for name in KEPT} == {name: source[name] for name in KEPT}


def test_objects_without_a_series_do_not_fall_into_one(tmp_path):
    series = [
        derive(tmp_path, PIXELS, SeriesInstanceUID=None, SOPInstanceUID=uid).SeriesInstanceUID for uid in ("1.2", "1.3")
    ]
    assert series[0] != series[1]
    made = derive(tmp_path, PIXELS, SeriesInstanceUID=None)
    assert made.SOPInstanceUID != made.SeriesInstanceUID


def test_object_without_identity_is_refused(tmp_path):
    with pytest.raises(InputError, match="UID to refer to"):
        derive_raw(tmp_path, [(0x00080018, "UI", b"")])


def test_file_meta_is_ours_and_fits(tmp_path):
    derive(tmp_path, PIXELS)
    source = tmp_path / "source.dcm"
    source.write_bytes(b"secret-preamble".ljust(128) + source.read_bytes()[128:])
    write_derived(read(source), tmp_path / "again.dcm", PIXELS.T[None, None], RUN)
    made = pydicom.dcmread(tmp_path / "again.dcm")
    assert made.preamble == bytes(128)
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert made.file_meta.MediaStorageSOPClassUID == made.SOPClassUID
    assert made.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert made.file_meta.ImplementationVersionName.startswith("GRADPROM")
    assert made.file_meta.ImplementationClassUID == "2.25.160231414314751750097954121295694651785"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SEQ"], ["DERIVED", "PRIMARY", "AXIAL", "CT_SOM5 SEQ"]),
        (["DERIVED", "SECONDARY", "", "0001"], ["DERIVED", "SECONDARY", "", "0001"]),
        (["ORIGINAL"], ["DERIVED", "SECONDARY"]),
        ("", ["DERIVED", "SECONDARY"]),
        (None, ["DERIVED", "SECONDARY"]),
    ],
)
def test_image_type(tmp_path, source, expected):
    assert list(derive(tmp_path, PIXELS, ImageType=source).ImageType) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [(b"5 ", 1005), (b"-3", 997), (b"", 1000), (b"2147483647", 2147482647), (b"12a4", 1000), (b" 7", 1007)],
)
def test_series_number_is_new_and_fits(tmp_path, source, expected):
    assert derive_raw(tmp_path, [(0x00200011, "IS", source)]).SeriesNumber == expected


@pytest.mark.parametrize(
    ("offset", "date", "time"),
    [
        (None, "20250102", "203040.678000"),
        ("+0900", "20250103", "053040.678000"),
        ("-0330", "20250102", "170040.678000"),
        ("local", "20250102", "203040.678000"),
    ],
)
def test_made_in_the_time_zone_of_the_header(tmp_path, offset, date, time):
    made = derive(tmp_path, PIXELS, TimezoneOffsetFromUTC=offset, SeriesDate="20200101", SeriesTime="1200")
    for name in ("InstanceCreation", "Content", "Series"):
        assert (made[f"{name}Date"].value, made[f"{name}Time"].value) == (date, time)
    assert made.get("TimezoneOffsetFromUTC") == offset


def test_pet_keeps_the_time_that_decay_is_corrected_to(tmp_path):
    pet = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.128", "SeriesDate": "20200101", "SeriesTime": "120000"}
    made = derive(tmp_path, PIXELS, **pet)
    assert (made.SeriesDate, made.SeriesTime, made.ContentDate) == ("20200101", "120000", "20250102")


STALE = {
    "DigitalSignaturesSequence": [item(MACIDNumber=1)],
    "MACParametersSequence": [item(MACIDNumber=1)],
    "SOPInstanceStatus": "AO",
    "IconImageSequence": [item(Rows=1)],
    "HistogramSequence": [item(HistogramNumberOfBins=1)],
    "InstanceCreatorUID": "1.2.77",
    "StorageMediaFileSetUID": "1.2.76",
    "RetrieveURL": "http://archive/secret",
    "SmallestPixelValueInSeries": 0,
    "LargestPixelValueInSeries": 99,
    "DataSetTrailingPadding": b"\0\0",
}


@pytest.mark.parametrize("keyword", STALE)
def test_what_was_true_of_the_source_alone_is_gone(tmp_path, keyword):
    made = derive(tmp_path, PIXELS, **{keyword: STALE[keyword]})
    assert keyword in pydicom.dcmread(tmp_path / "source.dcm")
    assert keyword not in made


def test_references_to_other_objects_stay(tmp_path):
    other = item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="1.2.99")
    made = derive(tmp_path, PIXELS, ReferencedImageSequence=[other])
    assert made.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.99"


def test_concatenation_of_the_derived_is_not_that_of_the_source(tmp_path):
    made = derive(tmp_path, PIXELS, ConcatenationUID="1.2.55", SOPInstanceUIDOfConcatenationSource="1.2.56")
    assert made.ConcatenationUID == by_hand("1.2.55", "run one")
    assert made.SOPInstanceUIDOfConcatenationSource == by_hand("1.2.56", "run one")


def test_no_longer_an_approved_product(tmp_path):
    assert derive(tmp_path, PIXELS, ContentQualification="PRODUCT").ContentQualification == "RESEARCH"
    assert derive(tmp_path, PIXELS, ContentQualification="SERVICE").ContentQualification == "SERVICE"


@pytest.mark.parametrize("text", ["x" * 65, "a\\b", "two\nlines", "  "])
def test_description_that_no_header_could_hold(text):
    with pytest.raises(InputError, match="--series-description"):
        replace(RUN, series_description=text)


def test_provenance_is_checked():
    with pytest.raises(InputError, match="strength"):
        replace(RUN, strength=1.5)
    with pytest.raises(InputError, match="time zone"):
        Provenance("b", "1", "0", "ab", "key", STARTED.replace(tzinfo=None))


def test_same_input_same_bytes(tmp_path):
    derive(tmp_path, PIXELS, **KEPT)
    first = (tmp_path / "derived.dcm").read_bytes()
    derive(tmp_path, PIXELS, **KEPT)
    assert (tmp_path / "derived.dcm").read_bytes() == first
