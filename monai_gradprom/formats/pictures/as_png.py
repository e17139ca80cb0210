# SPDX-License-Identifier: Apache-2.0
"""JPEG and BMP files, whose results are PNG files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from monai_gradprom.formats.guard import decoding, refuse_huge
from monai_gradprom.formats.pictures.alpha import enlarge
from monai_gradprom.formats.pictures.png_chunks import Chunk, chunks_of_result
from monai_gradprom.formats.pictures.png_encode import write_png
from monai_gradprom.formats.stored import NotAnImage
from monai_gradprom.formats.writable import WritableImage, limits_of

__all__ = ["ConvertedImage"]

_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
_XMP = b"http://ns.adobe.com/xap/1.0/\0"


class ConvertedImage(WritableImage):
    """One JPEG or BMP file; its result is a PNG file, for JPEG would lose detail again, and BMP is bulky.

    Pixels lie as they are stored: the Exif orientation is kept, not applied. The result has the ICC profile, the
    resolution, and of a JPEG also Exif, XMP and the comment. It loses other application segments (IPTC, Photoshop), the
    further pictures of a multi-picture JPEG (previews, gain maps of a telephone), and BMP's palette. ``affine`` stays
    the identity, as for PNG.

    Damage within the compressed data of a JPEG cannot always be told from an image: only what is cut off is sure to be
    noticed.

    Raises:
        NotAnImage: a JPEG in CMYK, as printers use it.
        InputError: the file is damaged, larger than Pillow's limit, or of a kind that Pillow does not decode (JPEG
            of 12 bits, lossless JPEG).
    """

    suffix_added = ".png"
    frames = 1
    dtype = np.dtype(np.uint8)
    limits = limits_of(dtype)

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.format, self.spatial_dims, self.affine = path, kind, 2, np.eye(4)
        with decoding(path), self._opened() as image:
            self.shape = image.size
            refuse_huge(path, *image.size)
            if image.mode not in _MODES:
                raise NotAnImage(f"{path}: is a {kind} in {image.mode}, a print; convert it to RGB with its profile.")
            self._mode = _MODES[image.mode]
            if image.mode == "P" and _is_grey(image.getpalette()):
                self._mode = "L"
        self.channels = 1 if self._mode == "L" else 3

    def _opened(self) -> Any:
        from PIL import Image

        return Image.open(self.path, formats=(self.format,))

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """As :meth:`StoredImage.read`."""
        samples = self._samples()[..., : self.channels].transpose(2, 1, 0)[None]
        return samples[self.span(start, stop)]

    def write(self, target: Path, frames: np.ndarray, factor: int = 1) -> None:
        """As :meth:`WritableImage.write`, as PNG; see the class for what changes."""
        self.check(frames, factor)
        samples = frames[0].transpose(2, 1, 0)
        if self._mode == "RGBA":
            samples = np.dstack([samples, enlarge(self._samples()[..., -1], factor)])
        with decoding(self.path), self._opened() as image:
            chunks = _bmp_chunks(self.path) if self.format == "BMP" else _jpeg_chunks(image)
        write_png(target, samples, *chunks_of_result(chunks, factor))

    def _samples(self) -> np.ndarray:
        with decoding(self.path), self._opened() as image:
            return np.atleast_3d(np.asarray(image.convert(self._mode)))


def _is_grey(palette: list[int]) -> bool:
    return palette[0::3] == palette[1::3] == palette[2::3]


def _profile(profile: bytes) -> Chunk:
    return Chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile))


def _jpeg_chunks(image: Any) -> list[Chunk]:
    info, chunks = image.info, []
    if info.get("icc_profile"):
        chunks.append(_profile(info["icc_profile"]))
    per_metre = {1: 100 / 2.54, 2: 100}.get(info.get("jfif_unit", 0))
    if "jfif_density" in info:
        x, y = (round(rate * (per_metre or 1)) for rate in info["jfif_density"])
        chunks.append(Chunk(b"pHYs", struct.pack(">IIB", x, y, per_metre is not None)))
    if info.get("exif"):
        chunks.append(Chunk(b"eXIf", info["exif"].removeprefix(b"Exif\0\0")))
    xmp = next((data for name, data in image.applist if name == "APP1" and data.startswith(_XMP)), None)
    if xmp:
        chunks.append(Chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp.removeprefix(_XMP)))
    if info.get("comment"):
        chunks.append(Chunk(b"tEXt", b"Comment\0" + info["comment"].replace(b"\0", b" ")))
    return chunks


def _bmp_chunks(path: Path) -> list[Chunk]:
    """Resolution (BITMAPINFOHEADER) and an embedded profile (BITMAPV5HEADER)."""
    data = path.read_bytes()
    (size,) = struct.unpack_from("<I", data, 14)
    chunks = []
    if size >= 124 and data[14 + 56 : 14 + 60] == b"DEBM":  # 'MBED', little endian
        start, length = struct.unpack_from("<II", data, 14 + 112)
        chunks.append(_profile(data[14 + start : 14 + start + length]))
    if size >= 40:
        x, y = struct.unpack_from("<ii", data, 14 + 24)
        if x > 0 and y > 0:
            chunks.append(Chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    return chunks
