# SPDX-License-Identifier: Apache-2.0
"""What all DICOM objects of the synthetic clinical folder share: an invented patient, fixed UIDs, fixed dates."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

__all__ = ["PATIENT", "clinical_object", "sample_uid", "save_object", "set_pixels"]

PATIENT = "Phantom^Sample"
"""The invented patient, also burned into the ultrasound images as an ultrasound machine does it."""

_DATE, _TIME = "20000101", "120000"
_PYDICOM = int(pydicom.__version__.split(".")[0])


def sample_uid(seed: int, name: str) -> UID:
    """A UID that depends on nothing but the seed and the name, below the root for UUIDs (DICOM PS3.5 B.2).

    Args:
        seed: of the whole folder.
        name: what the UID is for, such as ``"study"``.
    """
    digest = hashlib.sha256(f"monai_gradprom sample {seed} {name}".encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")


def clinical_object(
    sop_class: str, modality: str, series: str, number: int, seed: int, body_part: str = ""
) -> FileDataset:
    """An object without pixels: patient, study, series, equipment and SOP common module (DICOM PS3.3 C.7, C.12.1).

    Args:
        sop_class: its SOP class UID.
        modality: such as ``"US"``.
        series: a word for the series; objects with the same word share the series.
        number: of the instance in its series, from 1.
        seed: of the whole folder.
        body_part: for images, an unpaired one (Laterality is asked for otherwise).
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationGroupLength = 0  # filled in by pydicom
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = sample_uid(seed, f"{series} {number}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = sample_uid(0, "implementation")
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.PatientName, data.PatientID = PATIENT, "SAMPLE-0001"
    data.PatientBirthDate, data.PatientSex = "19000101", "O"
    data.StudyInstanceUID, data.SeriesInstanceUID = sample_uid(seed, "study"), sample_uid(seed, series)
    data.StudyID, data.AccessionNumber, data.ReferringPhysicianName = "1", "", ""
    data.StudyDescription, data.SeriesDescription = "Synthetic sample, no patient", series
    data.StudyDate = data.SeriesDate = data.ContentDate = data.InstanceCreationDate = _DATE
    data.StudyTime = data.SeriesTime = data.ContentTime = data.InstanceCreationTime = _TIME
    data.SeriesNumber = {"US": 1, "CT": 2, "CR": 3}.get(modality, 4)
    data.Modality, data.InstanceNumber = modality, number
    if body_part:
        data.BodyPartExamined = body_part
    data.Manufacturer, data.ManufacturerModelName = "monai_gradprom", "phantom"
    return data


def set_pixels(data: Dataset, pixels: NDArray[np.generic], bits_stored: int, photometric: str) -> None:
    """Add the image pixel module (DICOM PS3.3 C.7.6.3), uncompressed and little endian.

    Args:
        data: what receives it.
        pixels: [rows, columns], [frames, rows, columns] or, for RGB, [rows, columns, 3]; 8 or 16 bits.
        bits_stored: how many of the bits are used.
        photometric: the photometric interpretation.
    """
    colour = photometric == "RGB"
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = photometric
    if colour:
        data.PlanarConfiguration = 0
    data.Rows, data.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored, data.HighBit = bits_stored, bits_stored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    stored = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    data.PixelData = stored + b"\0" * (len(stored) % 2)
    data["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"


def save_object(data: FileDataset, path: Path) -> None:
    """Write an object as a DICOM file; folders are made.

    Args:
        data: from :func:`clinical_object`.
        path: the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if _PYDICOM < 3:  # later versions take both from the transfer syntax
        data.is_little_endian, data.is_implicit_VR = True, False
    data.save_as(path)
