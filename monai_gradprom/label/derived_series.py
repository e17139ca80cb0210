# SPDX-License-Identifier: Apache-2.0
"""Enhanced DICOM studies, written by the writer of folder enhancement."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monai_gradprom.enhance.derived.image import Provenance, write_derived
from monai_gradprom.formats.dicom.image import DicomImage

from .study import Study

__all__ = ["write_series"]


def write_series(
    study: Study, results: Sequence[np.ndarray], folder: Path, provenance: Provenance, factor: int
) -> list[Path]:
    """Write each file's result as an object derived from it.

    Args:
        study: of DICOM files.
        results: as :meth:`Enhancer.enhance` returns them.
        folder: an empty one.
        provenance: how they were made.
        factor: of super-resolution.

    Returns:
        The files, in the order of the study.

    Raises:
        InputError: a header cannot be carried over.
    """
    paths = []
    for number, (image, frames) in enumerate(zip(study.images, results, strict=True)):
        assert isinstance(image, DicomImage)
        paths.append(folder / f"{number:06d}.dcm")
        write_derived(image.dataset, paths[-1], frames, provenance, factor)
    return paths
