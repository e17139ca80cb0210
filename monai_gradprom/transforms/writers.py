# SPDX-License-Identifier: Apache-2.0
"""Arrays to NIfTI, MetaImage, PNG and TIFF, with nothing resampled and no value changed.

MONAI's writers pass every image through a resampler that works in float32; only the last step of each is used here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from monai.data import ITKWriter, NibabelWriter
from monai.utils import optional_import

from monai_gradprom.transforms.finer_grid import affine_of_result

__all__ = ["write_image"]

itk, _ = optional_import("itk", allow_namespace_pkg=True)
_MEDICAL = (".nii", ".nii.gz", ".mhd", ".mha")
_WITH_SPACING = (".tif", ".tiff")


def write_image(path: Path, array: np.ndarray, meta: Mapping[str, Any]) -> None:
    """Write one image in the format that the name of ``path`` asks for.

    Args:
        path: the file; its folder exists.
        array: [C, W, H] or [C, W, H, D] in the dtype to be stored.
        meta: ``affine`` (4 x 4, RAS), and optionally ``original_affine``, ``spatial_shape``, ``stored_ndim`` and
            ``filename_or_obj`` of the source.
    """
    medical = path.name.lower().endswith(_MEDICAL)
    # a TIFF keeps its resolution; ITK writes one in any case, and 1 mm per pixel would be a wrong one
    located = medical or path.name.lower().endswith(_WITH_SPACING)
    affine = affine_of_result(array.shape[1:], meta) if located else np.eye(4)
    if array.shape[0] > 1:
        array = np.moveaxis(array, 0, -1)
        channel_dim = -1
    else:
        # the source may have been W x H x 1, as CAMUS's .mhd
        singletons = int(meta.get("stored_ndim", 0)) - (array.ndim - 1) if medical else 0
        array = array.reshape(*array.shape[1:], *[1] * max(singletons, 0))
        channel_dim = None
    if ".nii" in path.name.lower():
        _write_nifti(path, array, affine, channel_dim, str(meta.get("filename_or_obj", "")))
    else:
        itk.imwrite(ITKWriter.create_backend_obj(array, channel_dim, affine, dtype=array.dtype), str(path))


def _write_nifti(path: Path, array: np.ndarray, affine: np.ndarray, channel_dim: int | None, source: str) -> None:
    if channel_dim is not None:  # the NIfTI standard wants vectors on the fifth axis
        array = array.reshape(*array.shape[:-1], *[1] * (5 - array.ndim), array.shape[-1])
    header: Any = nib.load(source).header if ".nii" in source.lower() and Path(source).is_file() else None
    image = NibabelWriter.create_backend_obj(array, affine, header=header)
    image.set_data_dtype(array.dtype)
    if header is None:
        image.header.set_xyzt_units("mm")
    elif not np.allclose(header.get_best_affine(), affine):
        # nibabel would forget what kind of space the coordinates belong to
        codes = {form: int(header[f"{form}_code"]) for form in ("sform", "qform")}
        if any(codes.values()):
            image.set_sform(affine, codes["sform"])
            image.set_qform(affine, codes["qform"])
    nib.save(image, path)
