# SPDX-License-Identifier: Apache-2.0
"""Where the pixels of a DICOM frame lie in space (PS3.3 C.7.6.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom import Dataset

from monai_gradprom.formats.dicom.groups import macros, value_of
from monai_gradprom.formats.dicom.regions import ultrasound_spacing

__all__ = ["frame_positions", "pixel_affine"]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def pixel_affine(dataset: Dataset) -> np.ndarray:
    """Indices (column, row, slice) of the first frame to millimetres, RAS.

    Spacing comes from Pixel Spacing, else Imager Pixel Spacing, else the first calibrated ultrasound region, else it is
    1; orientation and position come from the header, else the columns run to the patient's left and the rows to the
    back, as other readers of DICOM have it. A header that tells neither gives the identity.

    Args:
        dataset: the header; of an enhanced multi-frame object, the functional groups count.

    Returns:
        4 x 4, float64.
    """
    spacing = _spacing(dataset)
    orientation = _numbers(value_of(dataset, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    position = _numbers(value_of(dataset, "PlanePositionSequence", "ImagePositionPatient"), 3)
    if orientation is not None and not np.cross(orientation[:3], orientation[3:]).any():
        orientation = None  # zeros, which some writers leave there
    if spacing is None and orientation is None and position is None:
        return np.eye(4)
    along_row, along_column = np.split(orientation if orientation is not None else np.eye(3)[:2].ravel(), 2)
    across, down = spacing or (1.0, 1.0)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = along_row * across, along_column * down
    affine[:3, 2] = np.cross(along_row, along_column) * _thickness(dataset)
    affine[:3, 3] = position if position is not None else 0.0
    ras: np.ndarray = _LPS_TO_RAS @ affine
    return ras


def frame_positions(dataset: Dataset) -> list[np.ndarray]:
    """Image Position (Patient) of every frame that tells its own, in mm, LPS; empty where none does."""
    own = _numbers(dataset.get("ImagePositionPatient"), 3)
    if own is not None:
        return [own]
    found = [_numbers(item.get("ImagePositionPatient"), 3) for item in macros(dataset, "PlanePositionSequence")]
    return [position for position in found if position is not None]


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Millimetres between columns and between rows; DICOM writes them the other way round."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        pair = _numbers(value_of(dataset, "PixelMeasuresSequence", keyword), 2)
        if pair is not None and (pair > 0).all():
            return float(pair[1]), float(pair[0])
    return ultrasound_spacing(dataset)


def _thickness(dataset: Dataset) -> float:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        number = value_of(dataset, "PixelMeasuresSequence", keyword)
        if number is not None and float(number) > 0:
            return float(number)
    return 1.0


def _numbers(value: Any, count: int) -> np.ndarray | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        return None
    array = np.array([float(number) for number in value])
    return array if np.isfinite(array).all() else None
