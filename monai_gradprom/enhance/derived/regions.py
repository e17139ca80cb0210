# SPDX-License-Identifier: Apache-2.0
"""Calibrated regions of an enlarged ultrasound image (PS3.3 C.8.5.5)."""

from __future__ import annotations

from collections.abc import Callable

from pydicom import Dataset

from .edit import put

__all__ = ["enlarge_regions"]

_FIRST = ("RegionLocationMinX0", "RegionLocationMinY0")
_LAST = ("RegionLocationMaxX1", "RegionLocationMaxY1")
_POINTS = [
    *(f"DopplerSampleVolume{axis}Position{retired}" for axis in "XY" for retired in ("", "Retired")),
    *(f"TMLinePosition{axis}{end}{retired}" for axis in "XY" for end in "01" for retired in ("", "Retired")),
]


def enlarge_regions(header: Dataset, factor: int) -> None:
    """Make every region cover the same tissue, with the same physical coordinates, in ``factor`` times the pixels.

    The centre of pixel p comes to lie at f p + (f - 1) / 2, counted from the same corner. For an even factor that is
    between two pixels: the reference pixel is then the one before, and its physical value is set back by half a pixel.
    Points without a physical value of their own are that half pixel off.
    """
    for region in header.get("SequenceOfUltrasoundRegions") or ():
        for keyword in _FIRST:
            _apply(region, keyword, lambda first: factor * first)
        for keyword in _LAST:  # inclusive
            _apply(region, keyword, lambda last: factor * (last + 1) - 1)
        for keyword in _POINTS:
            _apply(region, keyword, lambda point: factor * point + (factor - 1) // 2)
        for axis in "XY":
            _enlarge_scale(region, axis, factor)


def _enlarge_scale(region: Dataset, axis: str, factor: int) -> None:
    delta = region.get(f"PhysicalDelta{axis}")
    if delta is not None:
        put(region, f"PhysicalDelta{axis}", float(delta) / factor)
    if region.get(f"ReferencePixel{axis}0") is None:
        return
    _apply(region, f"ReferencePixel{axis}0", lambda pixel: factor * pixel + (factor - 1) // 2)
    if delta is not None and factor % 2 == 0:
        keyword = f"ReferencePixelPhysicalValue{axis}"
        put(region, keyword, float(region.get(keyword) or 0) - float(delta) / factor / 2)


def _apply(region: Dataset, keyword: str, function: Callable[[int], int]) -> None:
    value = region.get(keyword)
    if value is not None:
        put(region, keyword, function(int(value)), region[keyword].VR)
