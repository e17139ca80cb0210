# SPDX-License-Identifier: Apache-2.0
"""How many frames an image file holds, from its header alone."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.image import open_dicom
from monai_gradprom.formats.guard import refuse_countless
from monai_gradprom.transforms.dicom_images import is_dicom

__all__ = ["PICTURES", "count_frames"]

PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")


def count_frames(path: Path, spatial_dims: int = 2) -> int:
    """Number of frames in a NIfTI or MetaImage file (by its name) or a DICOM file (by its content); 1 for others.

    Args:
        path: the file.
        spatial_dims: how many leading axes are space.

    Returns:
        The product of the remaining axes (1 for a still image).

    Raises:
        NotAnImage: a DICOM object that is none.
        InputError: the header cannot be read, or claims more frames than a recording has.
    """
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            shape = nib.load(path).shape  # type: ignore[attr-defined]  # nibabel types it as a general file
        elif name.endswith((".mhd", ".mha")):
            shape = _metaimage_shape(path)
        elif name.endswith(PICTURES) or not is_dicom(path):
            return 1
        else:
            return open_dicom(path).frames if spatial_dims == 2 else 1
    except InputError:
        raise
    except Exception as error:  # each library has its own exceptions, down to zlib's
        reason = type(error).__name__  # its text may quote the file
        raise InputError(f"{path}: cannot be read as an image ({reason}); put an intact copy in its place.") from None
    if any(int(n) < 1 for n in shape):
        raise InputError(f"{path}: has an axis without pixels; put an intact copy in its place or leave it out.")
    count = math.prod(int(n) for n in shape[spatial_dims:])
    refuse_countless(path, count)
    return count


def _metaimage_shape(path: Path) -> tuple[int, ...]:
    with path.open("rb") as file:
        for line in file:
            key, _, value = line.decode("latin-1").partition("=")
            if key.strip() == "DimSize":
                return tuple(int(n) for n in value.split())
            if key.strip() == "ElementDataFile":  # always the last line of the header; an .mha's data follow
                break
    raise ValueError("no DimSize in the header")
