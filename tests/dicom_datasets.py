# SPDX-License-Identifier: Apache-2.0
"""DICOM files made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
CT, US, US_CINE = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "6.1", "3.1"))


def write_dicom(path: Path, pixels: np.ndarray | bytes | None, syntax: str = ExplicitVRLittleEndian, **elements: Any):
    """Write a file.

    Args:
        path: the file; its folder is made.
        pixels: [rows, columns] or [frames, rows, columns], grey; or the bytes of the pixel data element.
        syntax: transfer syntax.
        elements: by keyword; they replace what follows from ``pixels``. None leaves an element out.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    defaults: dict[str, Any] = {
        "SOPClassUID": CT,
        "SOPInstanceUID": "1.2.3.4",
        "SeriesInstanceUID": "1.2.3",
        "PatientName": "Doe^Jane",
        "PatientID": "secret-7",
    }
    if isinstance(pixels, np.ndarray):
        *frames, rows, columns = pixels.shape
        bits = 8 * pixels.itemsize
        defaults |= {"Rows": rows, "Columns": columns, "BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1}
        defaults |= {"PixelRepresentation": int(pixels.dtype.kind == "i"), "SamplesPerPixel": 1}
        defaults |= {"PhotometricInterpretation": "MONOCHROME2"} | ({"NumberOfFrames": frames[0]} if frames else {})
        pixels = pixels.tobytes()
    for keyword, value in (defaults | elements).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if pixels is not None:
        dataset.add_new(0x7FE00010, "OB" if dataset.BitsAllocated <= 8 else "OW", pixels + b"\0" * (len(pixels) % 2))
        dataset["PixelData"].is_undefined_length = syntax not in NATIVE
    path.parent.mkdir(parents=True, exist_ok=True)
    if pydicom.__version__ < "3":
        dataset.is_little_endian, dataset.is_implicit_VR = True, syntax == ImplicitVRLittleEndian
        dataset.save_as(path, write_like_original=False)
    else:
        implicit = syntax == ImplicitVRLittleEndian
        dataset.save_as(path, enforce_file_format=True, implicit_vr=implicit, little_endian=True)
    return path


def write_series(folder: Path, count: int = 4, rows: int = 5, columns: int = 6, **elements: Any) -> list[np.ndarray]:
    """Write CT slices 2.5 mm apart, named against their order, and return their pixels from the feet upwards."""
    rng = np.random.default_rng(7)
    slices = [rng.integers(0, 2000, (rows, columns)).astype(np.uint16) for _ in range(count)]
    for number, pixels in enumerate(slices):
        place = {"ImagePositionPatient": [-10, -20, 100 + 2.5 * number], "InstanceNumber": count - number}
        place |= {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [0.5, 0.7], "Modality": "CT"}
        scale = {"RescaleSlope": 1, "RescaleIntercept": -1024, "SOPInstanceUID": f"1.2.3.{number + 1}"}
        write_dicom(folder / f"1.2.840.{900 - number}", pixels, **place | scale | elements)
    return slices


def colour(rows: int, columns: int, **more: Any) -> dict[str, Any]:
    """Elements of an 8-bit RGB image."""
    return {
        "Rows": rows, "Columns": columns, "SamplesPerPixel": 3, "PlanarConfiguration": 0, "BitsAllocated": 8,
        "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "PhotometricInterpretation": "RGB",
    } | more  # fmt: skip


def item(**elements: Any) -> Dataset:
    """An item of a sequence."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset
