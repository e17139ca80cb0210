# SPDX-License-Identifier: Apache-2.0
"""Files whose headers claim what they cannot hold, refused before a library believes them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from monai_gradprom.errors import InputError
from monai_gradprom.formats.guard import quiet, refuse_bomb, refuse_huge
from monai_gradprom.formats.identify import identify
from monai_gradprom.formats.volumes.metaimage import open_metaimage

__all__ = ["refuse_absurd"]

_METAIMAGE = (".mha", ".mhd")
_GREY = (0, 1, 3)  # white is 0, black is 0, a palette


def refuse_absurd(path: Path) -> None:
    """Look at the header of a picture, of a compressed NIfTI file, or of a MetaImage file (one that is named so, too).

    Whatever else is wrong with the file is left to its reader.

    Raises:
        InputError: a picture above Pillow's limit, a TIFF in colours that ITK has no type for, a volume that takes 500
            times the bytes of the file and more, or a MetaImage file that :func:`open_metaimage` refuses.
    """
    try:
        kind = identify(path)
        if kind in ("PNG", "TIFF", "JPEG", "BMP"):
            refuse_huge(path, *_picture_size(path, kind))
        elif kind == "NIfTI" and path.suffix == ".gz":
            refuse_bomb(path, path.stat().st_size, _volume_size(path))
        elif kind == "MetaImage" or path.suffix.lower() in _METAIMAGE:  # ITK takes it for one by its name
            open_metaimage(path)  # ITK believes any number of axes, and reads whatever file the header names
    except InputError:
        raise
    except Exception:  # each library has its own
        return


def _picture_size(path: Path, kind: str) -> tuple[int, int]:
    if kind == "TIFF":
        import tifffile

        with quiet("tifffile"), tifffile.TiffFile(path) as tif:
            page = tif.pages.first
            colour = page.samplesperpixel > 1 or page.photometric not in _GREY
            if colour and page.dtype != "uint8":  # over which ITK would load all that it has
                raise InputError(f"{path}: is a TIFF in colours of more than 8 bits; save it as a PNG.")
            return page.imagewidth, page.imagelength * max(page.imagedepth, 1)
    from PIL import Image

    with Image.open(path, formats=(kind,)) as image:
        return image.size


def _volume_size(path: Path) -> int:
    import nibabel

    header: Any = nibabel.load(path).header
    return int(math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize)
