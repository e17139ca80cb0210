# SPDX-License-Identifier: Apache-2.0
"""Shutters, collimators and sensing regions of an enlarged image, given in pixels (PS3.3 C.7.6.11, C.8.7.3)."""

from __future__ import annotations

from pydicom import Dataset

from .edit import put

__all__ = ["enlarge_outlines"]

_NAMES = ("Shutter", "Collimator", "ExposureControlSensingRegion")


def enlarge_outlines(dataset: Dataset, factor: int) -> None:
    """Scale what is counted in pixels from 1, so that no pixel that was shown becomes hidden or the reverse.

    Edges name the first and last pixel that is shown. Centres and vertices of circles and polygons come to lie within
    half a new pixel of where they were.
    """
    for name in _NAMES:
        for side in (f"{name}LeftVerticalEdge", f"{name}UpperHorizontalEdge"):
            _scale(dataset, side, factor, 1 - factor)
        for side in (f"{name}RightVerticalEdge", f"{name}LowerHorizontalEdge"):
            _scale(dataset, side, factor, 0)
        for points in (f"CenterOfCircular{name}", f"VerticesOfThePolygonal{name}"):
            _scale(dataset, points, factor, 1 - factor + (factor - 1) // 2)
        _scale(dataset, f"RadiusOfCircular{name}", factor, 0)


def _scale(dataset: Dataset, keyword: str, factor: int, offset: int) -> None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return
    values = value if hasattr(value, "__iter__") else [value]
    vr = dataset[keyword].VR
    scaled = [factor * int(number) + offset for number in values]
    put(dataset, keyword, [str(number) for number in scaled] if vr == "IS" else scaled, vr)
