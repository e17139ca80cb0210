# SPDX-License-Identifier: Apache-2.0
"""The file that a viewer gets as the answer to its request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from monai_gradprom.enhance.pixels.interpolate import enlarge_cubic
from monai_gradprom.transforms.finer_grid import affine_of_result
from monai_gradprom.transforms.label_answer import as_dtype

from .study import Study, units_of

__all__ = ["difference", "units", "write_answer"]


def units(study: Study, results: Sequence[np.ndarray]) -> np.ndarray:
    """All frames of all files, [n, C, *spatial], in modality units, bright is high."""
    return np.concatenate([units_of(image, frames) for image, frames in zip(study.images, results, strict=True)])


def difference(study: Study, results: Sequence[np.ndarray], factor: int) -> np.ndarray:
    """What the network changed, [n, C, *spatial], float32 in modality units.

    Under super-resolution against the bicubic enlargement of the source.
    """
    made, before = units(study, results), units(study, [image.read() for image in study.images])
    if factor > 1:
        before = np.stack([enlarge_cubic(frame, factor) for frame in before])
    return (made.astype(np.float64) - before).astype(np.float32)


def write_answer(path: Path, values: np.ndarray, study: Study, factor: int, dtype: Any = None) -> None:
    """Write NIfTI: [x, y, n] (colour: [x, y, n, 1, 3], volumes: [x, y, z] or [x, y, z, n]).

    Args:
        path: ends in ``.nii`` or ``.nii.gz``.
        values: [n, C, *spatial], in modality units.
        study: where they come from.
        factor: by which they are larger than it.
        dtype: that the viewer asks for; whole numbers are rounded and clipped, never wrapped. None: as they are.

    Raises:
        InputError: ``dtype`` is none of numbers.
    """
    values = as_dtype(values, values.dtype if dtype is None else dtype)
    if values.dtype == np.float16:  # which NIfTI lacks
        values = values.astype(np.float32)
    spatial = values.shape[2:]
    last = np.moveaxis(values, (0, 1), (-2, -1))  # [*spatial, n, C]
    if values.shape[1] > 1:
        array = last[:, :, :, None] if len(spatial) == 2 else last
    else:
        array = last[..., 0] if len(spatial) == 2 or len(values) > 1 else last[..., 0, 0]
    before = {"affine": study.affine, "spatial_shape": study.images[0].shape}
    image = nib.Nifti1Image(array, affine_of_result(spatial, before), dtype=array.dtype)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
