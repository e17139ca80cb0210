# SPDX-License-Identifier: Apache-2.0
"""From stored values to units and grey scale: limits, rescale, window and padding of a DICOM header."""

from __future__ import annotations

import math
from typing import Any

from pydicom import Dataset

from monai_gradprom.formats.dicom.groups import macros

__all__ = ["padding_of", "rescale_of", "stored_limits", "window_of"]


def stored_limits(dataset: Dataset) -> tuple[int, int]:
    """Lowest and highest value of Bits Stored (0028,0101) and Pixel Representation (0028,0103)."""
    bits = int(dataset.get("BitsStored") or dataset.get("BitsAllocated"))
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if dataset.get("PixelRepresentation") == 1 else (0, (1 << bits) - 1)


def rescale_of(dataset: Dataset) -> tuple[float, float] | None:
    """Rescale Slope and Intercept (PS3.3 C.11.1), of the functional groups where the header itself has none.

    A Modality LUT Sequence maps to units by a table that no slope expresses: it gives (1, 0), stored values, in which
    such an image is enhanced.

    Returns:
        None where the frames have different ones, so that no single slope and intercept serves the file.
    """
    places = [dataset] if "RescaleSlope" in dataset else macros(dataset, "PixelValueTransformationSequence")
    found = {(_number(place.get("RescaleSlope"), 1.0), _number(place.get("RescaleIntercept"), 0.0)) for place in places}
    if len(found) > 1:
        return None
    slope, intercept = found.pop() if found and "ModalityLUTSequence" not in dataset else (1.0, 0.0)
    return (slope, intercept) if slope != 0 else (1.0, 0.0)


def window_of(dataset: Dataset) -> tuple[float, float] | None:
    """Lowest and highest value of the first window, in modality units (PS3.3 C.11.2.1.2, C.11.2.1.3).

    LINEAR, the default, spans c - 0.5 - (w - 1)/2 to c - 0.5 + (w - 1)/2; LINEAR_EXACT c - w/2 to c + w/2, and so does
    SIGMOID, whose grey scale is steep there. Where the frames of an enhanced multi-frame object have windows of their
    own, it is the smallest that holds them all. A VOI LUT Sequence is a table, not a window.

    Returns:
        (low, high), or None where there is none, or one that is not wider than nothing, or where it counts in the units
        of a Modality LUT Sequence, which :func:`rescale_of` leaves aside.
    """
    if "ModalityLUTSequence" in dataset:
        return None
    places = [dataset] if "WindowCenter" in dataset else macros(dataset, "FrameVOILUTSequence")
    windows = [window for window in map(_window, places) if window is not None]
    return (min(low for low, _ in windows), max(high for _, high in windows)) if windows else None


def padding_of(dataset: Dataset) -> tuple[float, float] | None:
    """Pixel Padding Value to Pixel Padding Range Limit (PS3.3 C.7.5.1.1.2), in stored values; None where absent."""
    bits = int(dataset.get("BitsAllocated"))
    ends = [dataset.get(keyword) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    numbers = [_as_stored(int(_first(end)), dataset, bits) for end in ends if _first(end) is not None]
    return None if _first(ends[0]) is None else (float(min(numbers)), float(max(numbers)))


def _window(place: Dataset) -> tuple[float, float] | None:
    centre, width = (_number(place.get(keyword), math.nan) for keyword in ("WindowCenter", "WindowWidth"))
    if place.get("VOILUTFunction") in ("LINEAR_EXACT", "SIGMOID"):
        low, high = centre - width / 2, centre + width / 2
    else:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return (low, high) if low < high and math.isfinite(high - low) else None


def _as_stored(value: int, dataset: Dataset, bits: int) -> int:
    # many writers give the padding value the wrong sign: 63536 for -2000
    value %= 1 << bits
    return value - (1 << bits) if dataset.get("PixelRepresentation") == 1 and value >> (bits - 1) else value


def _first(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return None if value == "" else value
    return value[0] if len(value) else None


def _number(value: Any, default: float) -> float:
    value = _first(value)
    number = default if value is None else float(value)
    return number if math.isfinite(number) else default
