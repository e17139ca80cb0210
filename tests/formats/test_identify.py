# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
from pathlib import Path
from unittest import mock

import itk
import nibabel as nib
import numpy as np
import pytest
from dicom_datasets import write_dicom
from PIL import Image
from pydicom.uid import ImplicitVRLittleEndian

from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage, identify, open_image

PIXELS = np.arange(35, dtype=np.uint8).reshape(5, 7)


def picture(path: Path, kind: str) -> Path:
    Image.fromarray(PIXELS).save(path, kind)
    return path


def nifti(path: Path, suffix: str, kind: type = nib.Nifti1Image) -> Path:
    named = path.with_name(path.name + suffix)
    nib.save(kind(PIXELS, np.eye(4)), named)
    return named


def metaimage(path: Path, suffix: str) -> Path:
    named = path.with_name(path.name + suffix)
    itk.imwrite(itk.image_from_array(PIXELS), str(named))
    return named


MAKERS = {
    "PNG": [lambda p: picture(p, "PNG")],
    "TIFF": [lambda p: picture(p, "TIFF"), lambda p: bigtiff(p)],
    "JPEG": [lambda p: picture(p, "JPEG")],
    "BMP": [lambda p: picture(p, "BMP")],
    "NIfTI": [
        lambda p: nifti(p, ".nii"),
        lambda p: nifti(p, ".nii.gz"),
        lambda p: nifti(p, ".nii", nib.Nifti2Image),
        lambda p: nifti(p, ".hdr", nib.Nifti1Pair),
    ],
    "MetaImage": [lambda p: metaimage(p, ".mha"), lambda p: metaimage(p, ".mhd")],
    "DICOM": [
        lambda p: write_dicom(p, PIXELS),
        lambda p: bare(p, "1.2.840.10008.1.2.1"),
        lambda p: bare(p, ImplicitVRLittleEndian),
        lambda p: dual(p),
    ],
}


def bigtiff(path: Path) -> Path:
    Image.fromarray(PIXELS).save(path, "TIFF", big_tiff=True)
    return path


def bare(path: Path, syntax: str) -> Path:
    """Without preamble and file meta information, as older programs wrote it."""
    raw = write_dicom(path, PIXELS, syntax).read_bytes()
    path.write_bytes(raw[raw.index(b"\x08\x00\x16\x00") :])
    return path


def dual(path: Path) -> Path:
    """Its preamble makes it a TIFF as well (PS3.10 7.1), as slide scanners write it."""
    raw = write_dicom(path, PIXELS).read_bytes()
    path.write_bytes(b"II*\0" + raw[4:])
    return path


@pytest.mark.parametrize(("kind", "number"), [(kind, n) for kind, makers in MAKERS.items() for n in range(len(makers))])
def test_content_tells_whatever_the_name(tmp_path: Path, kind: str, number: int) -> None:
    made = MAKERS[kind][number](tmp_path / "made")
    for name in ("x", "x.txt", "x.dcm", "x.nii.gz"):
        assert identify(made.rename(made.with_name(name))) == kind
        made = made.with_name(name)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", ImplicitVRLittleEndian])
def test_bare_dicom_is_read(tmp_path: Path, syntax: str) -> None:
    image = open_image(bare(tmp_path / "a", syntax))
    np.testing.assert_array_equal(image.read()[0, 0], PIXELS.T)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x08\x00",
        b"BM",
        b"BMI is the body mass index, kilograms for square metres",
        b"DICM",
        b"NDims = 3 is what a header of a MetaImage begins with\n",
        b"\x1f\x8b broken",
        gzip.compress(b"some text"),
        b"\x08\x00\x05\x00CS\xff\xff" + bytes(100),
        b"\x08\x00\x00\x00" * 200,
        bytes(5000),
        b"patient,dose\n7,20\n" * 100,
        b"PK\x03\x04" + bytes(300),
        b"%PDF-1.7",
    ],
)
def test_what_is_no_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    assert identify(path) is None
    with pytest.raises(NotAnImage, match="no format that is known"):
        open_image(path)


def test_folders_and_files_that_are_not_there(tmp_path: Path) -> None:
    assert identify(tmp_path) is None
    assert identify(tmp_path / "none") is None
    (tmp_path / "a").write_bytes(b"x")
    with (
        mock.patch.object(Path, "open", side_effect=PermissionError(13, "Permission denied")),
        pytest.raises(InputError, match="cannot be opened") as caught,
    ):
        open_image(tmp_path / "a")
    assert not isinstance(caught.value, NotAnImage)


def test_a_dicom_file_holds_no_volume(tmp_path: Path) -> None:
    with pytest.raises(NotAnImage, match="volumes"):
        open_image(write_dicom(tmp_path / "a", PIXELS), spatial_dims=3)
