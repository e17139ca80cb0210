# SPDX-License-Identifier: Apache-2.0
"""The Image Pixel module of a derived image (PS3.3 C.7.6.3) and its pixels as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag

from monai_gradprom.errors import InputError

from .edit import put, tag_of
from .identity import text

__all__ = ["Layout", "describe_pixels", "layout_of", "stored_frames"]

_SHAPE = (("NumberOfFrames", 1), ("Columns", 0), ("Rows", 0))
_FLOATS = {"float32": "FloatPixelData", "float64": "DoubleFloatPixelData"}
_PALETTE = [
    f"{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue", "Alpha")
    for part in ("Descriptor", "Data")
] + [f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue", "Alpha")]
_ULTRASOUND = [f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("3", "3.1", "6", "6.1")]
# they speak of indices into the palette, which are gone
_OF_INDICES = [*_PALETTE, "PaletteColorLookupTableUID", "PixelPaddingValue", "PixelPaddingRangeLimit"]


@dataclass(frozen=True)
class Layout:
    """How pixels are stored."""

    dtype: np.dtype
    bits: int
    """Of each value that are used, the lowest ones."""
    colour: bool
    photometric: str
    """Grey as in the source; colour RGB, or YBR_RCT, into which JPEG 2000 turns it without loss (PS3.5 8.2.4)."""
    keyword: str = "PixelData"

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest value that the bits can hold."""
        span = 1 << self.bits
        return (-span // 2, span // 2 - 1) if self.dtype.kind == "i" else (0, span - 1)

    def size(self, frames: np.ndarray) -> int:
        """Bytes of one of ``frames`` [n, C, columns, rows]."""
        return (3 if self.colour else 1) * frames.shape[2] * frames.shape[3] * self.dtype.itemsize


def layout_of(header: Dataset, frames: np.ndarray, factor: int, transfer_syntax: str = "explicit") -> Layout:
    """How ``frames`` [n, C, columns, rows] are to be stored, and whether they fit their source at all.

    Raises:
        InputError: shape, dtype or number of channels are none that the source's image can become.
    """
    if frames.ndim != 4:
        raise InputError(f"frames have {frames.ndim} axes; give [n, channels, columns, rows]")
    n, _, columns, rows = frames.shape
    described = [_number(header, name, default) for name, default in _SHAPE]
    if [n, columns, rows] != [described[0] or 1, described[1] * factor, described[2] * factor]:
        raise InputError(
            f"frames have shape {frames.shape}, which is not what the DICOM header describes, enlarged {factor} times"
        )
    photometric = text(header, "PhotometricInterpretation")
    palette, grey = photometric == "PALETTE COLOR", photometric.startswith("MONOCHROME")
    _check_samples(frames, (1,) if grey else (1, 3) if palette else (3,), _dtypes(header, frames.dtype, palette))
    dtype = frames.dtype
    if palette and text(header, "SOPClassUID") in _ULTRASOUND:
        dtype = np.dtype(np.uint8)  # all that ultrasound may have (C.8.5.6.1.13)
    bits = 8 * dtype.itemsize
    if dtype.kind != "f" and not palette:
        bits = min(_number(header, "BitsStored", bits) or bits, bits)
    if not grey:
        photometric = "YBR_RCT" if transfer_syntax == "jpeg2000" else "RGB"
    return Layout(dtype, bits, not grey, photometric, _FLOATS.get(str(dtype), "PixelData"))


def _check_samples(frames: np.ndarray, channels: tuple[int, ...], dtypes: list[str]) -> None:
    if frames.shape[1] not in channels:
        raise InputError(f"frames have {frames.shape[1]} channels, but this image becomes one of {channels[-1]}")
    if str(frames.dtype) not in dtypes:
        raise InputError(f"frames have dtype {frames.dtype}, but the source stores {' or '.join(dtypes)}")


def _dtypes(header: Dataset, given: np.dtype, palette: bool) -> list[str]:
    return ["uint8", "uint16"] if palette else [str(_stored_dtype(header, given))]


def _stored_dtype(header: Dataset, given: np.dtype) -> np.dtype:
    if given.kind == "f" and "BitsStored" not in header:
        return given  # FloatPixelData and DoubleFloatPixelData have neither sign nor bits stored
    bits = _number(header, "BitsAllocated", 0)
    if bits not in (8, 16, 32):
        raise InputError(f"the DICOM header allocates {bits} bits to a value; 8, 16 and 32 are supported")
    return np.dtype(f"{'i' if _number(header, 'PixelRepresentation', 0) else 'u'}{bits // 8}")


def _number(header: Dataset, keyword: str, default: int) -> int:
    tag = tag_of(keyword)
    if tag not in header:
        return default
    raw: Any = header.get_item(tag)
    if raw.is_raw and raw.VR == "US" and len(raw.value or b"") == 2:
        return int.from_bytes(raw.value, "little")  # without decoding the element for good
    value = header[tag].value
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InputError(f"the DICOM header's {keyword} is no number; repair it or leave the file out") from None


def describe_pixels(header: Dataset, layout: Layout, frames: np.ndarray) -> None:
    """Make the header true of the pixels; what they mean (rescale, window, tables, padding) stays as it is."""
    if layout.colour:
        _describe_colour(header, layout)
    if layout.dtype.kind != "f":
        put(header, "HighBit", layout.bits - 1)  # values lie at the low end, wherever the source had them
    _describe_range(header, layout, frames)


def _describe_colour(header: Dataset, layout: Layout) -> None:
    if text(header, "PhotometricInterpretation") == "PALETTE COLOR":
        for keyword in _OF_INDICES:
            header.pop(Tag(keyword), None)
        put(header, "PixelRepresentation", 0)
        put(header, "BitsAllocated", layout.bits)
        put(header, "BitsStored", layout.bits)
    put(header, "SamplesPerPixel", 3)
    put(header, "PhotometricInterpretation", layout.photometric)
    put(header, "PlanarConfiguration", 0)


def _describe_range(header: Dataset, layout: Layout, frames: np.ndarray) -> None:
    """Smallest and largest value are made anew where the source has them; colours have none (C.7.6.3.1)."""
    for keyword, pick in (("SmallestImagePixelValue", np.min), ("LargestImagePixelValue", np.max)):
        if keyword not in header:
            continue
        del header[Tag(keyword)]
        if not layout.colour and layout.dtype.kind in "iu" and layout.bits <= 16:
            value = np.clip(pick([pick(frame) for frame in frames]), *layout.limits)
            put(header, keyword, int(value), "SS" if layout.dtype.kind == "i" else "US")


def stored_frames(frames: np.ndarray, layout: Layout) -> Iterator[np.ndarray]:
    """One frame after the other, [rows, columns] or [rows, columns, 3], contiguous, clipped to the bits stored.

    The greys of a palette are repeated for red, green and blue, since a viewer would window them otherwise.
    """
    for frame in frames:
        pixels = frame.transpose(2, 1, 0) if layout.colour else frame[0].T
        if layout.colour and len(frame) == 1:
            pixels = pixels.repeat(3, axis=2)
        if layout.dtype.itemsize < frame.dtype.itemsize:
            pixels = np.rint(pixels / 257)  # 65535 becomes 255
        if layout.dtype.kind in "iu" and layout.bits < 8 * layout.dtype.itemsize:
            pixels = np.clip(pixels, *layout.limits)
        yield np.ascontiguousarray(pixels, layout.dtype.newbyteorder("<"))
