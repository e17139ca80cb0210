# SPDX-License-Identifier: Apache-2.0
"""What a request names: a file of images, or the folder of one DICOM series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monai_gradprom.enhance.pixels.domain import Domain
from monai_gradprom.errors import InputError
from monai_gradprom.formats import StoredImage, open_image
from monai_gradprom.formats.dicom.image import DicomImage
from monai_gradprom.formats.dicom.series import open_series, volume_affine
from monai_gradprom.formats.window import own_window, pixel_range
from monai_gradprom.transforms.dicom_images import in_units

__all__ = ["Study", "open_study"]


@dataclass(frozen=True)
class Study:
    """Files that go through one intensity map."""

    path: Path
    images: Sequence[StoredImage]
    """In the order of their places, all of one size and type."""
    window: tuple[float, float]
    """(low, high) in modality units: what the network sees as [0, 1]."""

    @property
    def is_dicom(self) -> bool:
        """Whether results are derived DICOM objects."""
        return self.images[0].format == "DICOM"

    @property
    def affine(self) -> np.ndarray:
        """4 x 4, indices (x, y, frame) to millimetres, RAS; of the first file where the frames make no volume."""
        dicoms = [image for image in self.images if isinstance(image, DicomImage)]
        if dicoms:
            try:
                return volume_affine(self.path, dicoms)
            except InputError:
                pass
        return self.images[0].affine


def open_study(path: Path, domain: Domain, any_modality: bool = False) -> Study:
    """Open a file, or all files of a folder with one DICOM series.

    The window is that of folder enhancement: those that headers state, united; if none does, what the pixels span.

    Args:
        path: the file or folder.
        domain: what the bundle is made for.
        any_modality: take what lies outside the domain too.

    Raises:
        InputError: it cannot be read, or lies outside the domain.
    """
    images = open_series(path) if path.is_dir() else [open_image(path, spatial_dims=domain.spatial_dims)]
    for image in images:
        reason = domain.refusal(image, any_modality)
        if reason:
            raise InputError(f"{image.path}: {reason}; choose another bundle.")
    stated = [window for image in images if (window := own_window(image)) is not None]
    windows = stated or [pixel_range(image) for image in images]
    return Study(path, images, (min(low for low, _ in windows), max(high for _, high in windows)))


def units_of(image: StoredImage, stored: np.ndarray) -> np.ndarray:
    """Stored values of ``image`` to modality units, bright is high; the same dtype wherever it can hold them."""
    if isinstance(image, DicomImage):
        return in_units(image, stored)
    slope, intercept = image.rescale
    return stored if (slope, intercept) == (1.0, 0.0) else (stored * float(slope) + intercept).astype(np.float32)
