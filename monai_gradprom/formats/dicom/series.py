# SPDX-License-Identifier: Apache-2.0
"""The DICOM files of a folder as one series, in order."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.geometry import frame_positions
from monai_gradprom.formats.dicom.image import DicomImage, open_dicom
from monai_gradprom.formats.dicom.quiet import quiet
from monai_gradprom.formats.identify import identify
from monai_gradprom.formats.stored import NotAnImage

__all__ = ["open_series", "volume_affine"]

_TOLERANCE = 0.1  # of the distance between slices


def open_series(folder: Path) -> list[DicomImage]:
    """Open the images of a folder that holds one series; files in folders within it do not count.

    Args:
        folder: other files and DICOM objects that are no images are passed over.

    Returns:
        The files, sorted by position along the normal of the slices, then by instance number, then by name.

    Raises:
        InputError: there is none, or one that cannot be read; they belong to several series; or they differ in size,
            channels or dtype.
    """
    images = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or identify(path) != "DICOM":
            continue
        try:
            images.append(open_dicom(path))
        except NotAnImage:
            continue
    if not images:
        raise InputError(f"{folder}: holds no DICOM image; give a file, or the folder of a DICOM series.")
    series = len({image.series for image in images})
    if series > 1:
        raise InputError(f"{folder}: holds {series} DICOM series; give each series a folder of its own.")
    if len({(image.shape, image.channels, image.dtype, image.inverted) for image in images}) > 1:
        raise InputError(f"{folder}: holds images of different sizes or types; give each kind a folder of its own.")
    with quiet():
        return sorted(images, key=_order)


def volume_affine(path: Path, images: list[DicomImage]) -> np.ndarray:
    """Indices (x, y, z) of the volume that the frames make up to millimetres, RAS.

    Args:
        path: their file or folder, for the message.
        images: the files, in order.

    Raises:
        InputError: frames lie at one place (a sequence in time), go back and forth, or leave gaps.
    """
    affine = images[0].affine.copy()
    with quiet():
        positions = np.array([place for image in images for place in frame_positions(image.values)])
    frames = sum(image.frames for image in images)
    if len(positions) == 0 and len(images) == frames:
        return affine  # nobody knows better: instance numbers have the order
    if frames > 1:
        if len(positions) != frames:
            raise InputError(f"{path}: its frames do not tell where they lie, so that they make no volume.")
        steps = np.diff(positions * [-1, -1, 1], axis=0)
        step = steps.mean(axis=0)
        if not np.abs(steps - step).max() <= _TOLERANCE * np.linalg.norm(step) or not step.any():
            raise InputError(
                f"{path}: its slices are not evenly spaced; add what is missing or take out what is extra."
            )
        affine[:3, 2] = step
    return affine


def _order(image: DicomImage) -> tuple[float, int, str]:
    normal = np.cross(image.affine[:3, 0], image.affine[:3, 1])
    # rounded, so that one place is one place
    place = round(float(image.affine[:3, 3] @ normal / np.linalg.norm(normal)), 3)
    number = image.values.get("InstanceNumber")
    return place, int(number) if re.fullmatch(r"-?\d{1,18}", str(number)) else 0, image.path.name
