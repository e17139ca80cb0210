# SPDX-License-Identifier: Apache-2.0
"""The tags of a TIFF page that are true of its result as well."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["resolution_of", "spacing_of", "tags_of_result"]

_DESCRIPTION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 270, 282, 283, 296
_SEPARATE, _PALETTE = 2, 3
# what the writer decides anew: size, layout, compression, colour
_OF_THE_PIXELS = frozenset(
    [
        *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 288, 289, 317, 320, 322, 323, 324, 325, 338),
        *(339, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 32997, 32998),
        *(_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT),
    ]
)
# Min/MaxSampleValue, SMin/SMaxSampleValue, GrayResponse, HalftoneHints, Photoshop's layers
_NO_LONGER_TRUE = frozenset([280, 281, 340, 341, 290, 291, 321, 37724])
# directories of their own (SubIFDs, Exif, GPS, interoperability): their values are places in the source file
_DIRECTORIES = frozenset([330, 400, 34665, 34853, 40965])
_DIRECTORY_TYPES = (13, 18)
_MILLIMETRES = {2: 25.4, 3: 10.0}  # per inch, per centimetre


def tags_of_result(page: Any, factor: int) -> list[tuple[int, int, int, bytes, bool]]:
    """What remains of a ``tifffile.TiffPage``, as ``extratags``; values byte for byte, so keep the byte order.

    Kept: description, software, date, orientation, ICC profile, XMP, IPTC, private tags and all others, but for the
    tags of pixel layout, colour map and extreme values, Photoshop's layers, and the directories for Exif and GPS.
    Resolution has an argument of its own (:func:`resolution_of`). With ``factor`` > 1 an OME description gets the new
    sizes; tifffile's own (``{"shape": ...}``) is dropped then, and where samples move together or replace a palette.
    """
    kept = []
    reshaped = factor > 1 or page.planarconfig == _SEPARATE or page.photometric == _PALETTE
    for tag in page.tags:
        if tag.code in _OF_THE_PIXELS | _NO_LONGER_TRUE | _DIRECTORIES or int(tag.dtype) in _DIRECTORY_TYPES:
            continue
        handle = page.parent.filehandle
        handle.seek(tag.valueoffset)
        value, count = handle.read(tag.valuebytecount), tag.count
        if tag.code == _DESCRIPTION and reshaped:
            value = _description_of_result(value, factor)
            count = len(value)
        if count:
            kept.append((int(tag.code), int(tag.dtype), count, value, False))
    return kept


def _description_of_result(text: bytes, factor: int) -> bytes:
    if text.startswith(b'{"shape"'):
        return b""
    if factor == 1 or b"<OME" not in text[:4096]:
        return text
    text = re.sub(rb'\b(Size[XY]=")(\d+)"', lambda m: b'%s%d"' % (m[1], int(m[2]) * factor), text)
    return re.sub(
        rb'\b(PhysicalSize[XY]=")([\d.eE+-]+)"', lambda m: b'%s%s"' % (m[1], repr(float(m[2]) / factor).encode()), text
    )


def resolution_of(page: Any, factor: int = 1) -> dict[str, Any]:
    """Arguments for ``tifffile.TiffWriter.write``: pixels per unit, as fractions, and the unit. Empty if unstated."""
    rates = [page.tags.valueof(code) for code in (_X_RESOLUTION, _Y_RESOLUTION)]
    if not all(isinstance(rate, tuple) and len(rate) == 2 and rate[1] for rate in rates):
        return {}
    finer = tuple((top * factor, bottom) if top * factor < 2**32 else (top, bottom) for top, bottom in rates)
    unit = page.tags.valueof(_RESOLUTION_UNIT, default=2)
    return {"resolution": finer, "resolutionunit": int(unit) if unit in (1, 2, 3) else 1}


def spacing_of(page: Any) -> tuple[float, float]:
    """Millimetres from pixel to pixel along x and y; 1 where the file does not say."""
    stated = resolution_of(page)
    unit = _MILLIMETRES.get(stated.get("resolutionunit", 0))
    if unit is None or any(0 in rate for rate in stated["resolution"]):
        return 1.0, 1.0
    (x, per_x), (y, per_y) = stated["resolution"]
    return unit * per_x / x, unit * per_y / y
