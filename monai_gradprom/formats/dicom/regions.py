# SPDX-License-Identifier: Apache-2.0
"""Where an ultrasound frame is image and not user interface (PS3.3 C.8.5.5)."""

from __future__ import annotations

from pydicom import Dataset

from monai_gradprom.formats.stored import Region

__all__ = ["ultrasound_regions", "ultrasound_spacing"]

_TWO_DIMENSIONAL, _CENTIMETRES = 1, 3
_OTHERS = (2, 3, 4, 5)  # M-mode, spectrum, waveform, graphics
_LOW_PRIORITY = 1  # bit 0 of Region Flags (C.8.5.5.1.3)
_CORNERS = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")


def ultrasound_regions(dataset: Dataset, columns: int, rows: int) -> tuple[Region, ...] | None:
    """The two-dimensional regions, half open and clipped to the frame.

    DICOM counts the last column and row as inside. Regions of M-mode, spectra, traces and colour bars are none of them;
    where one of high priority lies over a two-dimensional one of low priority, the pixels are its own and are cut out.

    Args:
        dataset: the header.
        columns: width of a frame.
        rows: height of a frame.

    Returns:
        (x0, y0, x1, y1) of each, or of the pieces that are left of it; None where the header has no Sequence of
        Ultrasound Regions (0018,6011).
    """
    if "SequenceOfUltrasoundRegions" not in dataset:
        return None
    items = list(dataset.SequenceOfUltrasoundRegions or ())
    above = [_box(item) for item in items if _is_high(item) and item.get("RegionSpatialFormat") in _OTHERS]
    boxes: list[Region] = []
    for item in _two_dimensional(dataset):
        pieces = [_within(_box(item), (0, 0, columns, rows))]
        for other in () if _is_high(item) else above:
            pieces = [left for piece in pieces for left in _without(piece, other)]
        boxes += filter(_has_pixels, pieces)
    return tuple(boxes)


def ultrasound_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Millimetres between columns and between rows, from the first two-dimensional region that is measured in cm."""
    for item in _two_dimensional(dataset):
        units = item.get("PhysicalUnitsXDirection"), item.get("PhysicalUnitsYDirection")
        deltas = abs(float(item.get("PhysicalDeltaX") or 0)), abs(float(item.get("PhysicalDeltaY") or 0))
        if units == (_CENTIMETRES, _CENTIMETRES) and min(deltas) > 0:
            return 10 * deltas[0], 10 * deltas[1]
    return None


def _is_high(item: Dataset) -> bool:
    return all(key in item for key in ("RegionFlags", *_CORNERS)) and not int(item.RegionFlags) & _LOW_PRIORITY


def _box(item: Dataset) -> Region:
    x0, y0, x1, y1 = (int(item[key].value) for key in _CORNERS)
    return x0, y0, x1 + 1, y1 + 1


def _within(box: Region, outer: Region) -> Region:
    return max(box[0], outer[0]), max(box[1], outer[1]), min(box[2], outer[2]), min(box[3], outer[3])


def _has_pixels(box: Region) -> bool:
    return box[0] < box[2] and box[1] < box[3]


def _without(box: Region, other: Region) -> list[Region]:
    """What is left of ``box`` above, below, left and right of ``other``."""
    hole = _within(other, box)
    if not _has_pixels(hole):
        return [box]
    (x0, y0, x1, y1), (left, top, right, bottom) = box, hole
    around = [(x0, y0, x1, top), (x0, bottom, x1, y1), (x0, top, left, bottom), (right, top, x1, bottom)]
    return [piece for piece in around if _has_pixels(piece)]


def _two_dimensional(dataset: Dataset) -> list[Dataset]:
    items = dataset.get("SequenceOfUltrasoundRegions") or ()
    return [item for item in items if item.get("RegionSpatialFormat") == _TWO_DIMENSIONAL]
