# SPDX-License-Identifier: Apache-2.0
"""Images that cannot be enlarged with a header that stays true."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.tag import Tag

from monai_gradprom.errors import InputError

from .identity import text

__all__ = ["refuse_enlargement"]

_REFUSED = {
    "TotalPixelMatrixColumns": "it is a tile of a larger matrix of pixels",
    "PlanePositionSlideSequence": "it is a tile of a larger matrix of pixels",
    "ImagePlanePixelSpacing": "it is a radiotherapy image, placed by its own geometry",
    "GraphicAnnotationSequence": "graphics are drawn on its pixels",
    "DisplayedAreaSelectionSequence": "an area of its pixels is selected for display",
}


def refuse_enlargement(header: Dataset) -> None:
    """Raise if something in the header speaks of pixels in a way that is not scaled here.

    Raises:
        InputError: naming it.
    """
    reasons = [reason for keyword, reason in _REFUSED.items() if keyword in header]
    if "MOSAIC" in text(header, "ImageType").split("\\"):
        reasons.append("it is a mosaic of slices, and its position in space is kept in private elements")
    if any(_is_in_pixels(header, tag.group) for tag in header.keys() if tag.group & 0xFF01 == 0x5000):  # noqa: SIM118
        reasons.append("curves (50xx) are drawn on its pixels")
    if reasons:
        raise InputError(
            f"the header cannot be kept true when enlarged: {reasons[0]}; use a bundle that keeps the size"
        )


def _is_in_pixels(header: Dataset, group: int) -> bool:
    """Whether a curve (retired) lies on the image: an outline, or with axes in pixels."""
    kind, units = (str(header[tag].value) if tag in header else "" for tag in (Tag(group, 0x20), Tag(group, 0x30)))
    return kind in ("ROI", "POLY") or "PIXL" in units
