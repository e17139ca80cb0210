# SPDX-License-Identifier: Apache-2.0
"""TIFF files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from monai_gradprom.errors import InputError
from monai_gradprom.formats.guard import decoding, quiet, refuse_countless, refuse_huge
from monai_gradprom.formats.pictures.alpha import enlarge
from monai_gradprom.formats.pictures.tiff_kinds import colours_of, refuse_odd_file, refuse_odd_page
from monai_gradprom.formats.pictures.tiff_tags import resolution_of, spacing_of, tags_of_result
from monai_gradprom.formats.writable import WritableImage, limits_of

__all__ = ["TiffImage"]


class TiffImage(WritableImage):
    """One TIFF file: 1 to 64 bits, integers or floats, grey, RGB or palette, with or without a fourth sample (alpha).

    Its pages are the frames. Fewer than 8 bits are stretched to 0 to 255; a palette is read as the colours that it
    stands for, in 8 bits if that is what its 16 bits amount to, or as grey if it has no others. MINISWHITE is
    ``inverted``. ``affine`` has the resolution if that is given per inch or centimetre, with x and y pointing left and
    back as for ITK.

    A result is compressed without loss (deflate) in strips, in the byte order of the source, samples side by side; JPEG
    in TIFF becomes RGB. It keeps the tags that :func:`tags_of_result` names; Exif and GPS directories are lost.

    Raises:
        NotAnImage, InputError: see :mod:`monai_gradprom.formats.pictures.tiff_kinds`; or larger than Pillow's limit.
    """

    format = "TIFF"

    def __init__(self, path: Path) -> None:
        self.path, self.spatial_dims = path, 2
        with decoding(path), self._opened() as tif:
            refuse_odd_file(tif, path)
            for page in tif.pages:
                refuse_odd_page(page, path)
            first = tif.pages[0]
            self._bits, self._photometric = int(first.bitspersample), int(first.photometric)
            self._map = _colour_map(first)
            self._extra = first.samplesperpixel - colours_of(first)
            self._extra_kind = int(first.extrasamples[0]) if first.extrasamples in ((1,), (2,)) else 0
            spacing = spacing_of(first)
            self.frames, self.shape = len(tif.pages), (int(first.imagewidth), int(first.imagelength))
            stored = first.dtype.newbyteorder("=") if self._bits >= 8 else np.dtype(np.uint8)
            self.channels = colours_of(first) if self._map is None else self._map.shape[-1]
        refuse_huge(path, *self.shape)
        refuse_countless(path, self.frames)
        self.dtype = stored if self._map is None else self._map.dtype
        self.limits = limits_of(self.dtype)
        self.inverted = self._photometric == 0
        self.affine = np.diag([-spacing[0], -spacing[1], 1.0, 1.0]) if spacing != (1.0, 1.0) else np.eye(4)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        import tifffile

        with quiet("tifffile"):
            with decoding(self.path):
                tif = tifffile.TiffFile(self.path)
            with tif:
                yield tif

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """As :meth:`StoredImage.read`."""
        span = self.span(start, stop)
        with decoding(self.path), self._opened() as tif:
            if len(span) == 1:  # as it is: large ones should not be in memory twice
                return self._colours(tif.pages[span[0]])[None]
            frames = np.empty((len(span), *self.shape[::-1], self.channels), self.dtype).transpose(0, 3, 2, 1)
            for frame, number in zip(frames, span, strict=True):
                frame[:] = self._colours(tif.pages[number])
        return frames

    def _colours(self, page: Any) -> np.ndarray:
        """[``channels``, x, y]; InputError where a damaged page decodes to another size than the file's."""
        colours = self._samples(page)[..., : self.channels].transpose(2, 1, 0)
        if colours.shape != (self.channels, *self.shape):
            raise InputError(
                f"{self.path}: a page decodes to {colours.shape} (samples, columns, rows) instead of "
                f"{(self.channels, *self.shape)}; put an intact copy in its place or leave it out."
            )
        return colours

    def write(self, target: Path, frames: np.ndarray, factor: int = 1) -> None:
        """As :meth:`WritableImage.write`; see the class for what changes."""
        import tifffile

        self.check(frames, factor)
        with (
            self._opened() as tif,
            # ome: what the description says counts, not the name of the file
            tifffile.TiffWriter(target, bigtiff=tif.is_bigtiff, byteorder=tif.byteorder, ome=False) as out,
        ):
            for frame, page in zip(frames, tif.pages, strict=True):
                samples = frame.transpose(2, 1, 0) if self.channels + self._extra > 1 else frame[0].T
                with decoding(self.path):
                    if self._extra:
                        samples = np.dstack([samples, enlarge(self._samples(page)[..., -1], factor)])
                    meta = resolution_of(page, factor) | {"extratags": tags_of_result(page, factor)}
                out.write(np.ascontiguousarray(samples), **self._layout(), **meta)

    def _layout(self) -> dict[str, Any]:
        grey = "miniswhite" if self.inverted else "minisblack"
        return {
            "photometric": "rgb" if self.channels == 3 else grey,
            "planarconfig": "contig" if self.channels + self._extra > 1 else None,
            "extrasamples": [self._extra_kind] if self._extra else None,
            "compression": "zlib",
            "predictor": 2 if self.dtype.kind in "ui" else None,
            "metadata": None,
            "software": False,
            "contiguous": False,
        }

    def _samples(self, page: Any) -> np.ndarray:
        """[rows, columns, ``channels`` and perhaps one more] of ``dtype``."""
        samples = page.asarray(maxworkers=1)
        if samples.ndim == 3 and page.planarconfig == 2:
            samples = samples.transpose(1, 2, 0)
        samples = np.atleast_3d(samples)
        if self._map is not None:
            return self._map[samples[..., 0].astype(np.intp)]
        if self._bits < 8:
            samples = samples.astype(np.uint8) * np.uint8(255 // (2**self._bits - 1))
        result: np.ndarray = samples.astype(self.dtype, copy=False)
        return result


def _colour_map(page: Any) -> np.ndarray | None:
    """[entries, 1 or 3], uint8 or uint16; None without a palette."""
    if int(page.photometric) != 3:
        return None
    colours = np.asarray(page.colormap).T
    high = colours >> 8
    if (colours == high * 257).all() or (colours == high << 8).all():  # 8 bits, scaled up one way or the other
        colours = high.astype(np.uint8)
    grey = (colours == colours[:, :1]).all()
    return colours[:, :1] if grey else colours
