# SPDX-License-Identifier: Apache-2.0
"""A synthetic CT series and a computed radiograph of a test object, as DICOM."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from scipy.ndimage import gaussian_filter

from .clinical_dicom import clinical_object, sample_uid, set_pixels
from .ct_phantom import ChestPhantom, draw_chest_ct
from .ct_shape import ChestShape
from .heart_shape import Array
from .texture import image_rng, pixel_grid

__all__ = ["CT_PADDING", "contrast_radiograph", "ct_series"]

CT_PADDING = -2000
"""Stored value outside the circle that the scanner reconstructs."""

_CT_OFFSET = -1024
_THICKNESS = 5.0  # mm


def ct_series(seed: int, slices: int = 6) -> list[FileDataset]:
    """Axial slices of one chest at the height of the heart, CT Image Storage (DICOM PS3.3 A.3), 16 bits, signed.

    Args:
        seed: of the whole folder.
        slices: how many.
    """
    drawn = draw_chest_ct(seed, 9001)
    size = 176, 208
    spacing = 2.06 * drawn.chest.body[0] / size[1]
    phantom = replace(drawn, size=size, spacing=spacing, noise=24.0, table=True)
    return [_ct_slice(seed, k, replace(phantom.chest, level=1.5 + 0.08 * k), phantom) for k in range(slices)]


def _ct_slice(seed: int, k: int, chest: ChestShape, phantom: ChestPhantom) -> FileDataset:
    level = gaussian_filter(replace(phantom, chest=chest, seed=(seed, 9001)).hounsfield(), 0.55)
    grain = gaussian_filter(image_rng(seed, 9001, 10 + k).standard_normal(phantom.size), 0.7)
    stored = np.rint(np.maximum(level + phantom.noise * grain / grain.std(), -1024)) - _CT_OFFSET
    x, y = phantom.places()
    stored[np.hypot(x, y) > 1.02 * phantom.chest.body[0]] = CT_PADDING
    data = clinical_object("1.2.840.10008.5.1.4.1.1.2", "CT", "chest CT", k + 1, seed, "CHEST")
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = sample_uid(seed, "CT frame of reference"), ""
    data.PatientPosition, data.PatientOrientation = "HFS", ["L", "P"]
    corner = [round(float(place[0, 0]), 3) for place in (x, y)]
    data.ImagePositionPatient = [*corner, -_THICKNESS * k]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [round(phantom.spacing, 5)] * 2, _THICKNESS
    data.SliceLocation = -_THICKNESS * k
    data.KVP, data.AcquisitionNumber, data.ConvolutionKernel = "120", 1, "PHANTOM"
    data.AcquisitionDate, data.AcquisitionTime = data.ContentDate, data.ContentTime
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, _CT_OFFSET, "HU"
    data.WindowCenter, data.WindowWidth = [-600, 40], [1500, 400]
    data.WindowCenterWidthExplanation = ["LUNG", "SOFT TISSUE"]
    data.PixelPaddingValue = CT_PADDING
    data["PixelPaddingValue"].VR = "SS"
    set_pixels(data, stored.astype(np.int16), 16, "MONOCHROME2")
    return data


def contrast_radiograph(seed: int) -> FileDataset:
    """A test object for contrast and detail, CR Image Storage (DICOM PS3.3 A.2): MONOCHROME1, 12 bits in 16.

    Args:
        seed: of the whole folder.
    """
    shape = 224, 192
    exposure = _test_object(shape)
    quanta = 900 * exposure
    noise = image_rng(seed, 9002).standard_normal(shape)
    received = gaussian_filter(quanta + np.sqrt(quanta) * noise, 0.4)
    # Stored values grow with the exposure; MONOCHROME1 shows high ones dark, as film does.
    stored = np.clip(np.rint(700 * np.log10(np.maximum(received, 1)) + 1200), 0, 4095).astype(np.uint16)
    data = clinical_object("1.2.840.10008.5.1.4.1.1.1", "CR", "test object", 1, seed, "CHEST")
    data.ImageType, data.PatientOrientation = ["ORIGINAL", "PRIMARY"], ""
    data.ViewPosition = ""
    data.ImagerPixelSpacing = [0.8, 0.8]
    data.WindowCenter, data.WindowWidth = 3000, 1000
    set_pixels(data, stored, 12, "MONOCHROME1")
    return data


def _test_object(shape: tuple[int, int]) -> Array:
    """Share of the beam that passes: a step wedge, discs of falling size and contrast, bars of rising frequency."""
    rows, columns = pixel_grid(shape)
    through: NDArray[np.float64] = np.full(shape, 0.35)
    for step in range(8):
        through[12:44, 16 + 20 * step : 36 + 20 * step] = 0.04 + 0.12 * step
    for i, contrast in enumerate((0.5, 0.3, 0.18, 0.1)):
        for j, radius in enumerate((11, 8, 5, 3, 2)):
            centre = 70 + 28 * i, 28 + 33 * j
            through[np.hypot(rows - centre[0], columns - centre[1]) < radius] *= 1 - contrast
    for k, period in enumerate((10, 6, 4)):
        band = slice(20 + 54 * k, 64 + 54 * k)
        through[182:212, band] *= np.where(columns[182:212, band] % period < period / 2, 0.4, 1.0)
    return through
