# SPDX-License-Identifier: Apache-2.0
"""DICOM files and folders as arrays in modality units, bright is high."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_gradprom.formats.dicom.geometry import frame_positions
from monai_gradprom.formats.dicom.image import DicomImage, open_dicom
from monai_gradprom.formats.dicom.quiet import quiet
from monai_gradprom.formats.dicom.series import open_series, volume_affine
from monai_gradprom.formats.identify import identify
from monai_gradprom.formats.luminance import ULTRASOUND, luminance
from monai_gradprom.formats.window import own_window, values_range
from monai_gradprom.transforms.frames import choose_frame

__all__ = ["Range", "in_units", "is_dicom", "load_dicom"]

Range = tuple[float, float]


def is_dicom(path: Path) -> bool:
    """Whether ``path`` is for :func:`load_dicom`: a DICOM file by its content, or a folder."""
    if path.is_dir():
        return True
    try:
        return identify(path) == "DICOM"
    except OSError:
        return False


def load_dicom(
    path: Path, spatial_dims: int, frame: int | None, grey: bool = False
) -> tuple[np.ndarray, np.ndarray, Range]:
    """Read a frame, or a volume, of a DICOM file or of a folder with one DICOM series.

    Args:
        path: the file or folder.
        spatial_dims: 2 for one frame: of a multi-frame file, or of a folder, whose files count in their order; 3 for
            all of them as a volume.
        frame: zero-based; ``None`` only where there is a single one, and for volumes.
        grey: reduce the colours of ultrasound, an overlay on a grey image, to luminance, rounded half to even.

    Returns:
        [C, x, y] or [C, x, y, z] as :func:`in_units` gives it; the affine (4 x 4, millimetres, RAS); and the
        (lowest, highest) value that a network should see as 0 and 1, in the same units: the whole range of 8-bit
        files, else the window of the header (over all files of the folder), else that of the pixels returned.

    Raises:
        InputError: see :func:`open_dicom`, :func:`open_series`, :func:`volume_affine` and :func:`choose_frame`.
    """
    images = open_series(path) if path.is_dir() else [open_dicom(path)]
    if spatial_dims == 3:
        choose_frame(frame, 1, path)
        affine = volume_affine(path, images)
        stored = [image.read() for image in images]
        volume = np.concatenate([in_units(image, part) for image, part in zip(images, stored, strict=True)])
        return np.moveaxis(volume, 0, -1), affine, _stored_range(images, stored)
    number = choose_frame(frame, sum(image.frames for image in images), path)
    for image in images:
        if number < image.frames:
            break
        number -= image.frames
    pixels = image.read(number, number + 1)
    # all files' windows count, so that the frames of a series keep one grey scale
    windows = _header_range(images)
    shown = _grey_ultrasound(image, pixels) if grey else pixels
    return in_units(image, shown)[0], _frame_affine(image, number), windows or _stored_range([image], [pixels])


def _frame_affine(image: DicomImage, number: int) -> np.ndarray:
    """The image's affine, at the frame's own place if it tells one."""
    affine = image.affine.copy()
    with quiet():
        places = frame_positions(image.values)
    if len(places) == image.frames:
        affine[:3, 3] = places[number] * [-1, -1, 1]  # LPS to RAS
    return affine


def _grey_ultrasound(image: DicomImage, pixels: np.ndarray) -> np.ndarray:
    if image.channels == 1 or image.modality not in ULTRASOUND:
        return pixels
    return np.stack([np.rint(luminance(frame)) for frame in pixels]).astype(pixels.dtype)


def in_units(image: DicomImage, stored: np.ndarray) -> np.ndarray:
    """Stored values to modality units; those of MONOCHROME1 are mirrored within what the file can hold.

    Args:
        image: where they come from.
        stored: any shape.

    Returns:
        The same dtype where there is nothing to rescale; else the narrowest of the same dtype, int16 and int32 that
        holds whatever the file can hold, if slope and intercept are integers; else float32.
    """
    if image.inverted:
        stored = np.subtract(_mirror(image), stored, dtype=stored.dtype)
    slope, intercept = image.rescale
    if (slope, intercept) == (1.0, 0.0):
        return stored
    if stored.dtype.kind in "ui" and slope.is_integer() and intercept.is_integer():
        ends = [slope * end + intercept for end in image.limits]
        for dtype in (stored.dtype, np.dtype(np.int16), np.dtype(np.int32)):
            if np.iinfo(dtype).min <= min(ends) and max(ends) <= np.iinfo(dtype).max:
                return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(dtype)
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


def _mirror(image: DicomImage) -> int:
    """What a stored value and its mirror image add up to; floats have no limits and are mirrored at 0."""
    return int(sum(image.limits)) if np.isfinite(image.limits).all() else 0


def _bright_is_high(image: DicomImage, window: Range) -> Range:
    if not image.inverted:
        return window
    slope, intercept = image.rescale
    total = slope * _mirror(image) + 2 * intercept
    return total - window[1], total - window[0]


def _union(ranges: list[Range]) -> Range | None:
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def _header_range(images: list[DicomImage]) -> Range | None:
    found = [(image, own_window(image)) for image in images]
    return _union([_bright_is_high(image, window) for image, window in found if window is not None])


def _stored_range(images: list[DicomImage], stored: list[np.ndarray]) -> Range:
    found = [_bright_is_high(image, values_range(image, [part])) for image, part in zip(images, stored, strict=True)]
    return _header_range(images) or _union(found) or (0.0, 1.0)
