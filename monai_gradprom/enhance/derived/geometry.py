# SPDX-License-Identifier: Apache-2.0
"""What speaks of pixels in the header of an enlarged image: spacing, position, shutters, regions, overlays."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag
from pydicom.valuerep import format_number_as_ds

from monai_gradprom.errors import InputError

from .edit import put
from .groups import frame_groups, nested, shared_groups
from .outlines import enlarge_outlines
from .overlays import enlarge_overlays
from .refusals import refuse_enlargement
from .regions import enlarge_regions

__all__ = ["enlarge"]

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "ObjectPixelSpacingInCenterOfBeam")
_PLANES = (  # position in its macro, orientation in its macro (C.7.6.16.2.3 and .4, C.8.24.6.1 and .2)
    ("PlanePositionSequence", "ImagePositionPatient", "PlaneOrientationSequence", "ImageOrientationPatient"),
    ("PlanePositionVolumeSequence", "ImagePositionVolume", "PlaneOrientationVolumeSequence", "ImageOrientationVolume"),
)


def enlarge(header: Dataset, factor: int) -> None:
    """Make ``header`` true of an image with ``factor`` times the rows and columns, over the same tissue.

    What is measured in millimetres (field of view, reconstruction diameter, slice thickness and location), in detector
    elements or in acquired samples stays, and so does PixelAspectRatio. Private elements stay as they are: what they
    mean is not known.

    Raises:
        InputError: the header has something that cannot be kept true; the message names it.
    """
    refuse_enlargement(header)
    sizes = {keyword: int(header.get(keyword)) * factor for keyword in ("Rows", "Columns")}
    if max(sizes.values()) > 0xFFFF:
        raise InputError(f"{factor} times its rows or columns are more than the 65535 that DICOM can hold")
    for keyword, size in sizes.items():
        put(header, keyword, size)
    _move_planes(header, factor)  # before the spacing that it needs
    grouped = [group for group in (*shared_groups(header), *frame_groups(header)) for group in nested(group)]
    masks = [item for item in header.get("MaskSubtractionSequence") or ()]
    for dataset in (header, *masks, *grouped):
        _enlarge_spacing(dataset, factor)
        enlarge_outlines(dataset, factor)
    enlarge_regions(header, factor)
    enlarge_overlays(header, factor)


def _enlarge_spacing(dataset: Dataset, factor: int) -> None:
    for keyword in _SPACINGS:
        if dataset.get(keyword) not in (None, ""):
            _put_decimals(dataset, keyword, [float(value) / factor for value in dataset.get(keyword)])
    if dataset.get("MaskSubPixelShift") is not None:
        put(dataset, "MaskSubPixelShift", [float(value) * factor for value in dataset.get("MaskSubPixelShift")])


def _move_planes(header: Dataset, factor: int) -> None:
    header.pop(Tag("ImagePosition"), None)  # (0020,0030), retired, and so is what it is relative to
    detectors = header.get("DetectorInformationSequence") or ()  # reconstructed nuclear medicine, C.8.4.11
    for place in (header, *detectors):
        _move(place, "ImagePositionPatient", [place, header], "ImageOrientationPatient", [header], factor)
    shared, frames = shared_groups(header), frame_groups(header)
    for position_macro, position, orientation_macro, orientation in _PLANES:
        for group in (*shared, *frames):
            orientations = _items([group, *shared], orientation_macro)
            spacings = [*_items([group, *shared], "PixelMeasuresSequence"), header]
            for item in group.get(position_macro) or ():
                _move(item, position, orientations, orientation, spacings, factor)


def _items(groups: Iterable[Dataset], macro: str) -> list[Dataset]:
    return [item for group in groups for item in group.get(macro) or ()]


def _move(
    place: Dataset, position: str, oriented: list[Dataset], orientation: str, spaced: list[Dataset], factor: int
) -> None:
    """Move a position from the centre of the first pixel to the centre of the first of its parts."""
    if place.get(position) in (None, ""):
        return
    directions = next((d.get(orientation) for d in oriented if d.get(orientation) not in (None, "")), None)
    spacing = next((d.get("PixelSpacing") for d in spaced if d.get("PixelSpacing") not in (None, "")), None)
    if directions is None or spacing is None:
        raise InputError(f"the DICOM header has {position}, but no orientation or spacing to move it by")
    axes = np.array([float(value) for value in directions]).reshape(2, 3)  # along a row, down a column
    down, across = (float(value) for value in spacing)
    shift = (1 / factor - 1) / 2 * (axes[0] * across + axes[1] * down)
    _put_decimals(place, position, [float(old) + move for old, move in zip(place.get(position), shift, strict=True)])


def _put_decimals(dataset: Dataset, keyword: str, values: list[float]) -> None:
    values = [float(value) + 0.0 for value in values]  # no -0
    vr = dataset[keyword].VR
    put(dataset, keyword, [format_number_as_ds(value) for value in values] if vr == "DS" else values, vr)
