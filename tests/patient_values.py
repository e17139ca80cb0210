# SPDX-License-Identifier: Apache-2.0
"""Images of all formats with a patient's values in them, whole and damaged, and looking for these values."""

from __future__ import annotations

import base64
import contextlib
import re
import zlib

import nibabel as nib
import numpy as np
import pydicom
from dicom_datasets import US, item, write_dicom
from miniatures import blob
from PIL import Image, PngImagePlugin

NAME, ID, BORN, ACCESSION, PRIVATE = "Zeugin7Q^Ilse", "PID-7391846", "19010203", "ACC5550193", "geheim88x"
TEXTS = ("Zeugin7Q", "Ilse", "7391846", BORN, "5550193", PRIVATE)
"""What must not be found, in any of :func:`_spellings`."""

_ELEMENTS = {
    "PatientName": NAME,
    "PatientID": ID,
    "PatientBirthDate": BORN,
    "AccessionNumber": ACCESSION,
    "PatientComments": f"{NAME} {ID}",
    "OtherPatientIDsSequence": [item(PatientID=ID, IssuerOfPatientID=PRIVATE)],
    "InstitutionalDepartmentName": PRIVATE,
    "StudyDescription": NAME,
    "StudyInstanceUID": "1.2.276.7391846.1",
    "SOPClassUID": US,
    "Modality": "US",
}
# each is against its VR, so that readers complain, and quote
_NO_NUMBERS = {b"88888888881": ID.encode(), b"1888888888": b"7391846xyz"}
_INVALID = {
    "StudyDate": f"{BORN}x",
    "StudyTime": NAME,
    "PatientAge": PRIVATE,
    "SeriesInstanceUID": f"1.2.{PRIVATE}",
    "PatientWeight": "88888888881",
    "SeriesNumber": "1888888888",
    "StationName": 20 * NAME,
    "ImageType": [NAME, PRIVATE],
}


def frame(seed, shape=(40, 48)):
    return blob(np.random.default_rng(seed), shape)[0]


def write_patient_dicom(path, seed=0, invalid=False, **more):
    """A grey image with the values in text, number, date, UID, nested and private elements."""
    with pydicom.config.disable_value_validation():
        write_dicom(path, frame(seed), **_ELEMENTS | (_INVALID if invalid else {}) | more)
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x0029, f"{PRIVATE} creator", create=True)
        block.add_new(1, "LO", NAME)
        block.add_new(2, "UN", ID.encode())
        dataset.save_as(path)
    data = path.read_bytes()
    for number, text in _NO_NUMBERS.items():  # which pydicom would not write
        data = data.replace(number, text)
    path.write_bytes(data)
    return path


def write_patient_nifti(path, seed=0):
    image = nib.Nifti1Image(frame(seed), np.eye(4))
    for field, text in (("descrip", NAME), ("aux_file", ID), ("intent_name", PRIVATE), ("db_name", ACCESSION)):
        image.header[field] = text
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def write_patient_png(path, seed=0):
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", NAME)
    text.add_itxt("Comment", f"{ID} {BORN} {ACCESSION}")
    text.add_text(PRIVATE, ID, zip=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame(seed)).save(path, pnginfo=text)
    return path


def write_patient_tiff(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame(seed)).save(path, description=NAME, software=ID, copyright=PRIVATE)
    return path


def cut(path, to, share=0.8):
    """A copy that ends too early."""
    data = path.read_bytes()
    to.write_bytes(data[: int(share * len(data))])
    return to


def _spellings(text):
    for word in (text, text.upper(), text.lower()):
        yield from (word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be"))
    yield text.encode().hex().encode()


def _within(data):
    """The data themselves, and what is packed in them: texts of PNG files, pictures in a report."""
    yield data
    for found in re.finditer(rb"base64,([A-Za-z0-9+/]{40,}=*)", data):
        yield from _within(base64.b64decode(found[1]))
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(data[found.start() :], 100_000)


_SPELLINGS = sorted({spelling for text in TEXTS for spelling in _spellings(text)})


def assert_no_patient(data, where):
    """``data``: bytes or text that somebody may be shown."""
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    for part in _within(data):
        for spelling in _SPELLINGS:
            at = part.find(spelling)
            assert at < 0, (where, part[max(0, at - 200) : at + 200])


def assert_no_patient_below(folder, is_result=lambda name: False):
    """In names and contents of all files, but for the contents of results, which are the patient's."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        assert_no_patient(name, path)
        if path.is_file() and not is_result(name):
            assert_no_patient(path.read_bytes(), path)
