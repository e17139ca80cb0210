# SPDX-License-Identifier: Apache-2.0
"""PNG files."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np

from monai_gradprom.formats.guard import decoding, has_codecs, refuse_huge, without_codecs
from monai_gradprom.formats.pictures.alpha import enlarge
from monai_gradprom.formats.pictures.png_chunks import assemble, chunks_of_result, read_chunks
from monai_gradprom.formats.pictures.png_encode import write_png
from monai_gradprom.formats.stored import NotAnImage
from monai_gradprom.formats.writable import WritableImage, limits_of

__all__ = ["PngImage"]

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


class PngImage(WritableImage):
    """One PNG file: 1, 2, 4, 8 or 16 bits, grey, colour or palette, with or without transparency.

    Up to 8 bits are read as uint8; fewer are stretched to 0 to 255, as viewers show them. A palette is read as the
    colours that it stands for, or as grey if it has no others. ``affine`` stays the identity: resolution, where a PNG
    has one, is most often a printer's.

    A result has 8 bits where the source had fewer; colours instead of a palette; an alpha channel instead of a palette
    or one colour (tRNS) that is transparent; no interlacing; the chunks that :func:`chunks_of_result` names.

    Raises:
        NotAnImage: it is animated; a result could show only one picture of it.
        InputError: it is damaged, larger than Pillow's limit, or needs imagecodecs, which is absent: Pillow cuts colour
            and alpha of 16 bits to 8.
    """

    format = "PNG"
    frames = 1

    def __init__(self, path: Path) -> None:
        self.path, self.spatial_dims, self.affine = path, 2, np.eye(4)
        with decoding(path):
            self._chunks = read_chunks(path)
            self._parse()

    def _parse(self) -> None:
        width, height, self._depth, self._kind = struct.unpack(">IIBB", self._chunks[0].data[:10])
        refuse_huge(self.path, width, height)
        if struct.unpack(">I", (self._chunk(b"acTL") or bytes(4))[:4])[0] > 1:
            raise NotAnImage(f"{self.path}: is an animated PNG; export its pictures as files of their own.")
        if self._needs_codecs and not has_codecs():
            raise without_codecs(self.path, "a PNG with colour or alpha of 16 bits")
        self.shape = (width, height)
        self.dtype = np.dtype(np.uint16 if self._depth == 16 else np.uint8)
        self.limits = limits_of(self.dtype)
        colour = self._kind in (_RGB, _RGBA) or (self._kind == _PALETTE and not self._has_grey_palette)
        self.channels = 3 if colour else 1
        self.has_alpha = self._kind in (_GREY_ALPHA, _RGBA) or self._chunk(b"tRNS") is not None

    def _chunk(self, kind: bytes) -> bytes | None:
        return next((chunk.data for chunk in self._chunks if chunk.kind == kind), None)

    @property
    def _needs_codecs(self) -> bool:
        return self._depth == 16 and (self._kind != _GREY or self._chunk(b"tRNS") is not None)

    @property
    def _has_grey_palette(self) -> bool:
        palette = self._chunk(b"PLTE") or b""
        return palette[0::3] == palette[1::3] == palette[2::3]

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """As :meth:`StoredImage.read`."""
        samples = self._samples()[..., : self.channels].transpose(2, 1, 0)[None]
        return samples[self.span(start, stop)]

    def write(self, target: Path, frames: np.ndarray, factor: int = 1) -> None:
        """As :meth:`WritableImage.write`; see the class for what changes."""
        self.check(frames, factor)
        samples = frames[0].transpose(2, 1, 0)
        if self.has_alpha:
            samples = np.dstack([samples, enlarge(self._samples()[..., -1], factor)])
        write_png(target, samples, *chunks_of_result(self._chunks, factor))

    def _samples(self) -> np.ndarray:
        """[rows, columns, ``channels`` and perhaps alpha] of ``dtype``."""
        with decoding(self.path):
            # only what makes the pixels: a decoder has no business with text
            samples = self._decode(assemble(c for c in read_chunks(self.path, image_data=True) if c.kind in _PIXELS))
            if samples.shape[1::-1] != self.shape:
                raise ValueError
            return samples

    def _decode(self, data: bytes) -> np.ndarray:
        if self._needs_codecs:
            import imagecodecs

            samples = np.atleast_3d(imagecodecs.png_decode(data))
        else:
            samples = np.atleast_3d(_by_pillow(data, self._kind == _PALETTE, self.has_alpha))
        samples = samples.astype(self.dtype, copy=False)
        if self._kind in (_GREY, _RGB) and self.has_alpha:
            samples = samples[..., : self.channels]
            return np.dstack([samples, self._alpha_by_colour(samples)])
        if self._kind == _PALETTE and self.channels == 1:
            return samples[..., [0, 3]] if self.has_alpha else samples[..., :1]
        return samples

    def _alpha_by_colour(self, samples: np.ndarray) -> np.ndarray:
        """One colour is transparent: tRNS holds it, in the file's own bits."""
        colour = np.frombuffer((self._chunk(b"tRNS") or b"")[: 2 * self.channels], dtype=">u2").astype(np.int64)
        if self._depth < 8:
            colour = colour * 255 // (2**self._depth - 1)
        opaque = (samples != colour).any(axis=-1)
        return opaque.astype(self.dtype) * self.dtype.type(self.limits[1])


def _by_pillow(data: bytes, palette: bool, alpha: bool) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        if palette:
            return np.asarray(image.convert("RGBA" if alpha else "RGB"))
        # Pillow before 10.3 widens 16 grey bits to 32
        return np.asarray(image.convert("L") if image.mode == "1" else image)
