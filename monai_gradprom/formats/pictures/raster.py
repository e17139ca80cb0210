# SPDX-License-Identifier: Apache-2.0
"""Pictures: PNG, TIFF, JPEG, BMP."""

from __future__ import annotations

from pathlib import Path

from monai_gradprom.formats.writable import WritableImage

__all__ = ["open_raster"]


def open_raster(path: Path, kind: str) -> WritableImage:
    """Open a picture by its header.

    Args:
        path: the file.
        kind: ``"PNG"``, ``"TIFF"``, ``"JPEG"`` or ``"BMP"``, as found by content.

    Raises:
        NotAnImage: the file is sound, but of a sort that could not be written back whole; the class of each kind says
            which.
        InputError: it is damaged, or needs a decoder that is not installed.
    """
    if kind == "PNG":
        from monai_gradprom.formats.pictures.png import PngImage

        return PngImage(path)
    if kind == "TIFF":
        from monai_gradprom.formats.pictures.tiff import TiffImage

        return TiffImage(path)
    from monai_gradprom.formats.pictures.as_png import ConvertedImage

    return ConvertedImage(path, kind)
