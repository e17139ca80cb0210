# SPDX-License-Identifier: Apache-2.0
"""Colours of DICOM pixels to RGB (PS3.3 C.7.6.3.1.2, C.7.9)."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset

__all__ = ["COLOUR_SPACES", "GREY", "is_colour", "palette_table", "to_rgb"]

GREY = ("MONOCHROME1", "MONOCHROME2")
_YBR = ("YBR_FULL", "YBR_FULL_422")
# decoders of JPEG 2000 undo these two by themselves, as they are part of its codestream
_RGB = ("RGB", "YBR_RCT", "YBR_ICT")
_NOT_READ = ("HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB")
COLOUR_SPACES = (*GREY, "PALETTE COLOR", *_RGB, *_YBR, *_NOT_READ)
"""All defined terms of Photometric Interpretation, retired ones included."""


def is_colour(photometric: str) -> bool:
    """Whether three samples of this photometric interpretation can be turned into RGB."""
    return photometric in (*_RGB, *_YBR)


def to_rgb(pixels: np.ndarray, photometric: str, bits: int) -> np.ndarray:
    """Turn YBR_FULL and YBR_FULL_422 into RGB by ITU-R BT.601, rounded and clipped; RGB stays as it is.

    Args:
        pixels: [..., 3], unsigned, chroma no longer sub-sampled.
        photometric: what the decoder delivered.
        bits: Bits Stored.

    Returns:
        As ``pixels``.
    """
    if photometric not in _YBR:
        return pixels
    middle = float(1 << bits - 1)
    exact = np.float32 if bits <= 16 else np.float64
    luma, blue, red = (pixels[..., i].astype(exact) for i in range(3))
    blue -= middle
    red -= middle
    # the inverse of Y = 0.299 R + 0.587 G + 0.114 B, Cb = (B - Y)/1.772, Cr = (R - Y)/1.402
    out = np.empty_like(pixels)
    channels = (
        luma + 1.402 * red,
        luma - (0.114 * 1.772 * blue + 0.299 * 1.402 * red) / 0.587,
        luma + 1.772 * blue,
    )
    for i, channel in enumerate(channels):
        out[..., i] = np.clip(np.rint(channel), 0, 2 * middle - 1)
    return out


def palette_table(dataset: Dataset, low: int, high: int, little_endian: bool = True) -> np.ndarray:
    """The colour that a PALETTE COLOR image shows for every value that it can store.

    Entries of 16 bits of which 8 say nothing (``0xAB00`` or ``0xABAB``, as ultrasound machines write them) become 8.

    Args:
        dataset: the header, with the palette, segmented or not.
        low: lowest stored value.
        high: highest stored value.
        little_endian: byte order of the file.

    Returns:
        [high - low + 1, 3], or [high - low + 1, 1] if all entries are grey; uint8 or uint16.
    """
    count, first, bits = (int(number) for number in dataset.RedPaletteColorLookupTableDescriptor)
    count = count % 65536 or 65536
    if low == 0:
        first %= 65536
    if "RedPaletteColorLookupTableData" in dataset:
        order = "<" if little_endian else ">"
        data = (dataset[f"{colour}PaletteColorLookupTableData"].value for colour in ("Red", "Green", "Blue"))
        entries = np.stack([_entries(channel, count, order) for channel in data], axis=1)
    else:
        ramp = np.arange(first, first + count).astype(np.int32 if low < 0 else np.uint32)
        entries = _apply_color_lut(ramp, dataset)[..., :3]
    entries = _without_idle_bits(entries, bits)
    if (entries == entries[:, :1]).all():
        entries = entries[:, :1]
    # values before and beyond the palette show its first and last entry
    return entries[np.clip(np.arange(low, high + 1) - first, 0, count - 1)]


def _entries(data: bytes, count: int, order: str) -> np.ndarray:
    dtype = np.dtype(f"{order}u2") if len(data) >= 2 * count else np.dtype(np.uint8)
    return np.frombuffer(data, dtype, count).astype(dtype.newbyteorder("="))


def _without_idle_bits(entries: np.ndarray, bits: int) -> np.ndarray:
    if entries.dtype.itemsize == 1:
        return entries
    first, second = entries >> 8, entries & 255
    if bits == 8 and not first.any():
        return second.astype(np.uint8)
    idle = not second.any() or (first == second).all()
    return first.astype(np.uint8) if idle else entries.astype(np.uint16)


def _apply_color_lut(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    try:
        from pydicom.pixels import apply_color_lut
    except ImportError:  # pydicom 2
        from pydicom.pixel_data_handlers.util import apply_color_lut  # type: ignore[no-redef]
    table: np.ndarray = apply_color_lut(values, dataset)
    return table
