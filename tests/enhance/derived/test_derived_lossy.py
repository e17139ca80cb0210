# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pydicom
import pytest
from derived_case import RUN, as_frames, read
from dicom_datasets import write_dicom

from monai_gradprom.enhance.derived.image import write_derived

JPEG, NEAR_LOSSLESS, JPEG2000, REVERSIBLE, MPEG4 = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 81, 91, 90, 102))
STREAM = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\x08\0\0\0" + bytes(8)


def history(tmp_path, syntax, **said):
    pixels = np.zeros((6, 8), np.uint8)
    size = {"Rows": 6, "Columns": 8, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    more = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"} | said
    write_dicom(tmp_path / "source.dcm", STREAM, syntax, **size, **more)
    write_derived(read(tmp_path / "source.dcm"), tmp_path / "derived.dcm", as_frames(pixels), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    names = ("LossyImageCompression", "LossyImageCompressionMethod", "LossyImageCompressionRatio")
    return [made.get(name) for name in names]


@pytest.mark.parametrize(
    ("syntax", "method"),
    [(JPEG, "ISO_10918_1"), (NEAR_LOSSLESS, "ISO_14495_1"), (JPEG2000, "ISO_15444_1"), (MPEG4, "ISO_14496_10")],
)
def test_loss_that_the_source_does_not_admit(tmp_path, syntax, method):
    assert history(tmp_path, syntax) == ["01", method, 6]  # 6 x 8 bytes became 8


def test_no_loss(tmp_path):
    assert history(tmp_path, REVERSIBLE) == [None, None, None]
    assert history(tmp_path, REVERSIBLE, LossyImageCompression="00") == ["00", None, None]


def test_jpeg_cannot_be_without_loss_but_jpeg2000_can(tmp_path):
    assert history(tmp_path, JPEG, LossyImageCompression="00")[0] == "01"
    assert history(tmp_path, JPEG2000, LossyImageCompression="00") == ["00", None, None]


@pytest.mark.parametrize("syntax", [JPEG, REVERSIBLE])
def test_what_the_source_says_of_itself_stays(tmp_path, syntax):
    said = {"LossyImageCompressionMethod": ["ISO_10918_1", "ISO_15444_1"], "LossyImageCompressionRatio": [9, 5]}
    assert history(tmp_path, syntax, LossyImageCompression="01", **said) == ["01", *said.values()]
