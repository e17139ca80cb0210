# SPDX-License-Identifier: Apache-2.0
"""Opening a file of images, whatever its format."""

from __future__ import annotations

from pathlib import Path

from monai_gradprom.errors import InputError
from monai_gradprom.formats.identify import identify
from monai_gradprom.formats.stored import NotAnImage, StoredImage

__all__ = ["open_image"]


def open_image(path: str | Path, spatial_dims: int = 2) -> StoredImage:
    """Open a file by its content; its pixels are read when asked for.

    Args:
        path: the file.
        spatial_dims: 2 for frames or slices, 3 for volumes: only NIfTI and MetaImage files hold those.

    Returns:
        The image, of the class of its format.

    Raises:
        NotAnImage: the file holds nothing to enhance, or no volume where volumes are wanted.
        InputError: the file cannot be read.
    """
    path = Path(path)
    try:
        kind = identify(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror}); check that it is there and readable."
        ) from error
    if kind is None:
        if _is_data_of_metaimage(path):
            raise NotAnImage(f"{path}: holds the pixels of the .mhd file beside it, with which they are enhanced.")
        raise NotAnImage(f"{path}: is in no format that is known here (DICOM, NIfTI, MetaImage, PNG, TIFF, JPEG, BMP).")
    # each format's libraries are loaded when its first file comes
    if kind == "NIfTI":
        from monai_gradprom.formats.volumes.nifti import open_nifti

        return open_nifti(path, spatial_dims)
    if kind == "MetaImage":
        from monai_gradprom.formats.volumes.metaimage import open_metaimage

        return open_metaimage(path, spatial_dims)
    if spatial_dims != 2:
        raise NotAnImage(f"{path}: a {kind} file holds flat images, where the model wants volumes.")
    if kind == "DICOM":
        from monai_gradprom.formats.dicom.image import open_dicom

        return open_dicom(path)
    from monai_gradprom.formats.pictures.raster import open_raster

    return open_raster(path, kind)


def _is_data_of_metaimage(path: Path) -> bool:
    """Whether a MetaImage header of the same name points here."""
    from monai_gradprom.formats.volumes.metaimage import data_files

    headers = (path.with_suffix(suffix) for suffix in (".mhd", "") if path.suffix.lower() in (".raw", ".zraw"))
    for header in headers:
        try:
            if header.is_file() and identify(header) == "MetaImage" and path in data_files(header):
                return True
        except (InputError, OSError):
            continue
    return False
