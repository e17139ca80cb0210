# SPDX-License-Identifier: Apache-2.0
"""Small images in the three forms that a MONAI Label datastore holds, grey and in colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from dicom_datasets import US, colour, write_dicom
from miniatures import blob, save_picture

AFFINE = np.array([[-0.4, 0.0, 0.0, 7.0], [0.0, -0.3, 0.0, -5.0], [0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 1.0]])
GREY = ("camus_denoise", "camus_unpaired", "covidct_denoise")
COLOUR = ("isic2018_denoise", "isic2018_perceptual", "lizard_sr")
BUNDLES = (*GREY, *COLOUR)
FACTOR = {"lizard_sr": 2}
SIZE = (44, 52)  # rows, columns
FORMS = ("nifti", "float", "png", "dicom")


def picture(bundle: str, seed: int = 0) -> np.ndarray:
    """[rows, columns] or [rows, columns, 3], uint8, with noise that a network has something to do about."""
    rng = np.random.default_rng(seed)
    clean, _ = blob(rng, SIZE, channels=3 if bundle in COLOUR else 1)
    noise = rng.normal(0, 20, clean.shape)
    return np.clip(clean + noise, 0, 255).astype(np.uint8)


def as_nifti(array: np.ndarray) -> np.ndarray:
    """[rows, columns(, 3)] -> [x, y] or, as the standard wants vectors, [x, y, 1, 1, 3]."""
    array = array.swapaxes(0, 1)
    return array if array.ndim == 2 else array[:, :, None, None]


def save_nifti(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    image = nib.Nifti1Image(as_nifti(array), affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def write_forms(folder: Path, bundle: str) -> dict[str, Path]:
    """One picture as NIfTI (whole and fractional numbers), PNG and a folder with a DICOM file."""
    array = picture(bundle)
    dicom = folder / f"{bundle}_series"
    if bundle in COLOUR:
        write_dicom(dicom / "IM1", array.tobytes(), SOPClassUID=US, Modality="US", **colour(*SIZE), **MORE)
    elif bundle == "covidct_denoise":  # 12 bits, Hounsfield units, a window
        wide = (array.astype(np.uint16) * 16).astype(np.uint16)
        units: dict[str, Any] = {"RescaleSlope": 1, "RescaleIntercept": -1024, "BitsStored": 12, "HighBit": 11}
        write_dicom(dicom / "IM1", wide, Modality="CT", WindowCenter=40, WindowWidth=1400, **units, **MORE)
    else:
        write_dicom(dicom / "IM1", array, SOPClassUID=US, Modality="US", **MORE)
    save_picture(folder / f"{bundle}_png.png", array)
    return {
        "nifti": save_nifti(folder / f"{bundle}_nifti.nii.gz", array),
        "float": save_nifti(folder / f"{bundle}_float.nii.gz", (array / 255).astype(np.float32)),
        "png": folder / f"{bundle}_png.png",
        "dicom": dicom,
    }


MORE = {"PixelSpacing": [0.3, 0.2], "ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
