# SPDX-License-Identifier: Apache-2.0
"""Pixels to a PNG file, with the chunks of another around them."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monai_gradprom.formats.pictures.png_chunks import Chunk, splice

__all__ = ["write_png"]


def write_png(target: Path, samples: np.ndarray, before: Sequence[Chunk] = (), after: Sequence[Chunk] = ()) -> None:
    """Write ``samples`` and no time stamp.

    A grey image with an RGB colour profile (of a grey palette, say), which PNG does not allow, is written as RGB.

    Args:
        target: the file.
        samples: uint8 or uint16 [rows, columns, n] with n = 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA). 16 bits
            with n > 1 need imagecodecs.
        before: chunks between header and pixels.
        after: chunks behind the pixels.
    """
    if samples.shape[-1] < 3 and _has_colour_profile(before):
        samples = samples[..., [0, 0, 0, *range(1, samples.shape[-1])]]
    encoded = _encode(np.ascontiguousarray(samples))
    with target.open("wb") as file:
        file.writelines(splice(encoded, before, after))


def _has_colour_profile(chunks: Sequence[Chunk]) -> bool:
    for kind, data in chunks:
        if kind == b"iCCP":
            packed = data[data.find(b"\0") + 2 :]  # after the name and the method of compression
            try:
                return zlib.decompressobj().decompress(packed, 128)[16:20] == b"RGB "
            except zlib.error:
                return False
    return False


def _encode(samples: np.ndarray) -> bytes | memoryview:
    if samples.dtype == np.uint16 and samples.shape[-1] > 1:  # Pillow has no such images
        import imagecodecs

        return bytes(imagecodecs.png_encode(samples, level=6))
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(samples[..., 0] if samples.shape[-1] == 1 else samples).save(encoded, "PNG")
    return encoded.getbuffer()
