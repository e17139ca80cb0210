# SPDX-License-Identifier: Apache-2.0
"""DICOM files: single and multi-frame, grey and colour, native and compressed."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import pydicom

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.colour import COLOUR_SPACES, GREY, is_colour, palette_table, to_rgb
from monai_gradprom.formats.dicom.geometry import pixel_affine
from monai_gradprom.formats.dicom.header import Header, damaged, read_header
from monai_gradprom.formats.dicom.kinds import not_an_image
from monai_gradprom.formats.dicom.pixel_layout import PixelLayout
from monai_gradprom.formats.dicom.pixels import FrameReader
from monai_gradprom.formats.dicom.quiet import quiet
from monai_gradprom.formats.dicom.regions import ultrasound_regions
from monai_gradprom.formats.dicom.window import padding_of, rescale_of, stored_limits, window_of
from monai_gradprom.formats.guard import refuse_countless
from monai_gradprom.formats.stored import NotAnImage, StoredImage

__all__ = ["DicomImage", "open_dicom"]

_ALLOCATED = {"PixelData": (8, 16, 32), "FloatPixelData": (32,), "DoubleFloatPixelData": (64,)}
_VIDEO = "1.2.840.10008.1.2.4.10"  # the beginning of all its transfer syntaxes (PS3.6 A), from .100 on


class DicomImage(StoredImage):
    """One DICOM file of images. Make it with :func:`open_dicom`.

    Grey pixels are stored values: bits above Bits Stored (embedded overlays) are cut off, MONOCHROME1 is left as it is
    (``inverted``). YBR and PALETTE COLOR become RGB; a palette of greys becomes one channel. A colour file has no
    rescale, window or padding. Every frame can be read by itself, except from a deflated file, which is inflated when
    it is opened.
    """

    format = "DICOM"
    spatial_dims = 2
    dataset: pydicom.FileDataset
    """The header: every element, also those after the pixel data, but not the pixel data; as it came, so that it can be
    written again byte for byte. To ask for values, take :attr:`values`."""
    values: pydicom.Dataset
    """The same elements. Ask within :func:`monai_gradprom.formats.dicom.quiet.quiet`, since pydicom quotes invalid
    values in its warnings."""
    transfer_syntax: str
    """Its UID, also where the file itself does not state it."""
    photometric: str
    """Photometric Interpretation (0028,0004) of the file."""

    def __init__(self, header: Header) -> None:
        self.path, self.transfer_syntax = header.path, header.transfer_syntax
        self.dataset, self.values = header.dataset, header.values
        layout = PixelLayout(header)
        _check(header, layout)
        refuse_countless(header.path, layout.frames)
        self.frames, self.shape, self.photometric = layout.frames, (layout.columns, layout.rows), layout.photometric
        self._layout, self._frames = layout, FrameReader(header, layout)
        self._table: np.ndarray | None = None
        self._describe_pixels(header)
        self._describe_surroundings()

    def _describe_pixels(self, header: Header) -> None:
        values, layout = self.values, self._layout
        low, high = stored_limits(values)
        self._stored = low, high
        self.channels, self.inverted = layout.samples, layout.photometric == "MONOCHROME1"
        if layout.is_float:
            self.dtype = np.dtype(np.float32 if header.keyword == "FloatPixelData" else np.float64)
            self.limits = (-np.inf, np.inf)
        elif layout.photometric == "PALETTE COLOR":
            self._table = palette_table(values, low, high, header.little_endian)
            self.channels, self.dtype = self._table.shape[1], self._table.dtype
            self.limits = (0, np.iinfo(self.dtype).max)
        else:
            self.dtype = np.dtype(f"{'i' if low < 0 else 'u'}{layout.allocated // 8}")
            self.limits = (low, high)
        if layout.photometric in GREY:
            self.rescale, self.window = _one_rescale(header), window_of(values)
            self.padding = None if layout.is_float else padding_of(values)

    def _describe_surroundings(self) -> None:
        self.regions = ultrasound_regions(self.values, *self.shape)
        self.modality = str(self.values.get("Modality") or "") or None
        self.series = str(self.values.get("SeriesInstanceUID") or "") or None

    @cached_property
    def affine(self) -> np.ndarray:  # type: ignore[override]
        """See :attr:`StoredImage.affine`; worked out when it is asked for.

        Raises:
            InputError: what the header says of it makes no sense.
        """
        with quiet():
            try:
                return pixel_affine(self.values)
            except Exception as error:
                raise damaged(self.path, "is damaged: its header gives no possible position", error) from None

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Decode frames ``start`` to ``stop`` - 1 and no others; see :meth:`StoredImage.read`."""
        stop = self.frames if stop is None else stop
        if not 0 <= start < stop <= self.frames:
            raise IndexError(f"frames {start} to {stop} were asked for; there are {self.frames}.")
        pixels, photometric = self._frames.read(start, stop)
        if not self._layout.is_float:
            pixels = _significant(pixels, self._layout.stored, signed=self._stored[0] < 0)
        if self._table is not None:
            pixels = self._table[pixels[..., 0].astype(np.int64) - self._stored[0]]
        elif self.channels == 3:
            pixels = to_rgb(pixels, photometric, self._layout.stored)
        return pixels.astype(self.dtype, copy=False).transpose(0, 3, 2, 1)


def open_dicom(path: str | Path) -> DicomImage:
    """Read the header of a DICOM file; its pixels wait.

    Raises:
        NotAnImage: a directory of files, a report, a plan, a dose, a presentation state, labels, a bit mask, a
            document, a waveform, a video, or anything else without pixel data.
        InputError: the file is truncated or damaged, or its pixels are stored in a way that cannot be read here.
    """
    path = Path(path)
    header = read_header(path)
    with quiet():
        try:
            _refuse_other_kinds(header)
            return DicomImage(header)
        except (InputError, MemoryError):
            raise
        except Exception as error:  # values that are missing, or no numbers
            raise damaged(path, "is damaged: its header lacks a value or has an impossible one", error) from None


def _refuse_other_kinds(header: Header) -> None:
    values, meta = header.values, getattr(header.dataset, "file_meta", {})
    sop_class = values.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""
    kind = not_an_image(str(sop_class))
    if kind is None and "DirectoryRecordSequence" in values:
        kind = "a directory of other files (DICOMDIR)"
    if kind is None and not header.whole:
        raise damaged(header.path, "is truncated: it ends within its header")
    if kind is None and header.keyword is None:
        kind = "a DICOM object without pixel data"
    if kind is None and values.get("BitsAllocated") == 1:
        kind = "a bit mask"
    if kind is None and header.transfer_syntax.startswith(_VIDEO):
        kind = "a video (MPEG-2, H.264 or H.265), whose frames no decoder of images knows"
    if kind is not None:
        raise NotAnImage(f"{header.path}: is {kind}; leave it as it is.")


def _check(header: Header, layout: PixelLayout) -> None:
    """Refuse what this module does not know how to read.

    Raises:
        InputError: naming what is unusual.
    """
    known = layout.photometric in (*GREY, "PALETTE COLOR") if layout.samples == 1 else is_colour(layout.photometric)
    odd = None
    if layout.samples not in (1, 3) or not known:
        # anything may stand in a header: only what is no one's name is repeated
        named = layout.photometric if layout.photometric in COLOUR_SPACES else "not a known one"
        odd = f"{layout.samples} samples a pixel, and the colour space is {named}"
    elif layout.allocated not in _ALLOCATED[header.keyword or "PixelData"]:
        odd = f"{layout.allocated} bits allocated a pixel"
    elif layout.photometric == "PALETTE COLOR" and layout.stored > 16:
        odd = "a palette for more than 16 bits"
    elif layout.samples == 3 and header.values.get("PixelRepresentation") == 1:
        odd = "signed colours"
    elif header.length is not None and int(header.values.get("HighBit", layout.stored - 1)) != layout.stored - 1:
        odd = "pixels that do not begin at the lowest bit"
    if odd:
        raise InputError(f"{header.path}: has {odd}; convert it with a DICOM tool or leave it out.")


def _one_rescale(header: Header) -> tuple[float, float]:
    rescale = rescale_of(header.values)
    if rescale is None:
        raise InputError(
            f"{header.path}: its frames are rescaled to units in different ways; split it into one file per frame."
        )
    return rescale


def _significant(pixels: np.ndarray, stored: int, signed: bool) -> np.ndarray:
    """Cut off the bits above ``stored`` and extend the sign."""
    idle = 8 * pixels.dtype.itemsize - stored
    kind = np.dtype(f"{'i' if signed else 'u'}{pixels.dtype.itemsize}")
    pixels = pixels.view(kind) if pixels.dtype != kind else pixels
    return (pixels << idle) >> idle if idle > 0 else pixels
