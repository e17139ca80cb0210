# SPDX-License-Identifier: Apache-2.0
"""Which TIFF files can be written back whole, judged by their headers."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import Any

from monai_gradprom.errors import InputError
from monai_gradprom.formats.guard import has_codecs, without_codecs
from monai_gradprom.formats.stored import NotAnImage

__all__ = ["colours_of", "refuse_odd_file", "refuse_odd_page"]

_MINISWHITE, _MINISBLACK, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_JPEG = 7
_PLAIN_COMPRESSION = {1, 8, 32773, 32946}  # none, deflate, PackBits: tifffile decodes these by itself
_REDUCED_OR_MASK = 1 | 4  # NewSubfileType


def colours_of(page: Any) -> int:
    """Samples of a pixel that are colour: 1 or 3. A palette's index counts as the one sample that it is."""
    return 3 if page.photometric in (_RGB, _YCBCR) else 1


def refuse_odd_file(tif: Any, path: Path) -> None:
    """Refuse a ``tifffile.TiffFile`` whose pages are not frames of one shape.

    Raises:
        NotAnImage: it is a pyramid of resolutions (a whole slide), or holds more images than pages.
        InputError: it is cut off, or its pages differ.
    """
    pages = list(tif.pages)
    if any(_is_cut_off(page, tif.filehandle.size) for page in pages) or _next_directory(tif, pages[-1]):
        raise InputError(f"{path}: is cut off; put an intact copy in its place or leave it out.")
    if any(page.subifds or int(page.subfiletype) & _REDUCED_OR_MASK for page in pages):
        raise NotAnImage(
            f"{path}: holds several resolutions or masks, as whole slides do; export the level to enhance as a TIFF."
        )
    if tif.is_stk or tif.is_eer or _images_claimed(tif) > sum(page.size for page in pages):
        raise NotAnImage(f"{path}: holds images that are no TIFF pages; export them as pages.")
    if len({_kind(page) for page in pages}) != 1:
        raise InputError(
            f"{path}: has {len(pages)} pages of different size or kind; split it into files with equal pages."
        )


def _is_cut_off(page: Any, size: int) -> bool:
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    return not ends or max(ends) > size or 0 in page.databytecounts


def _next_directory(tif: Any, page: Any) -> int:
    """Where the page after ``page`` should be; tifffile only logs that it is missing."""
    handle, layout = tif.filehandle, tif.tiff
    handle.seek(page.offset)
    (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
    handle.seek(tags * layout.tagsize, os.SEEK_CUR)
    return int(struct.unpack(layout.offsetformat, handle.read(layout.offsetsize))[0])


def _images_claimed(tif: Any) -> int:
    """Samples that the file says it holds: ImageJ and tifffile itself may leave pages out."""
    if tif.is_imagej:
        return int((tif.imagej_metadata or {}).get("images", 1)) * int(tif.pages[0].size)
    if tif.is_shaped:
        return sum(math.prod(entry.get("shape", (0,))) for entry in tif.shaped_metadata or ())
    return 0


def _kind(page: Any) -> tuple:
    return page.shape, str(page.dtype), page.photometric, page.samplesperpixel, page.bitspersample, page.extrasamples


def refuse_odd_page(page: Any, path: Path) -> None:
    """Refuse a ``tifffile.TiffPage`` whose pixels cannot be read, or not be written as they mean.

    Args:
        page: the page.
        path: of its file.

    Raises:
        NotAnImage: colours other than grey, RGB or a palette; more than one sample beside them; complex numbers.
        InputError: imagecodecs is needed and absent.
    """
    lossy_colour = page.photometric == _YCBCR and page.compression == _JPEG
    if page.photometric not in (_MINISWHITE, _MINISBLACK, _RGB, _PALETTE) and not lossy_colour:
        raise NotAnImage(f"{path}: is neither grey, RGB nor a palette (photometric {page.photometric:d}).")
    extra = page.samplesperpixel - colours_of(page)
    if extra not in (0, 1) or page.imagedepth > 1 or (extra and page.photometric == _PALETTE):
        raise NotAnImage(
            f"{path}: has {page.samplesperpixel} samples a pixel; save grey or RGB, with or without alpha."
        )
    bits = page.bitspersample
    if page.dtype is None or page.dtype.kind not in "uifb" or bits not in (1, 2, 4, 8, 16, 32, 64):
        raise NotAnImage(f"{path}: stores {bits} bits of sample format {page.sampleformat}; use 8, 16 or 32 bits.")
    plain = page.compression in _PLAIN_COMPRESSION and page.predictor in (1, 2) and bits not in (2, 4)
    if not plain and not has_codecs():
        raise without_codecs(path, f"a TIFF with compression {page.compression:d} and {bits} bits")
