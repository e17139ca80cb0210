# SPDX-License-Identifier: Apache-2.0
"""Decoding the frames of a DICOM file that are asked for, and no others; alike with pydicom 2.4 and 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
)

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.fragments import Span, find_fragments, group_frames
from monai_gradprom.formats.dicom.header import Header, damaged
from monai_gradprom.formats.dicom.jpeg import jpeg_colours
from monai_gradprom.formats.dicom.pixel_layout import PixelLayout
from monai_gradprom.formats.dicom.quiet import quiet

__all__ = ["FrameReader"]

_PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
_HTJ2K = "1.2.840.10008.1.2.4.20"  # the beginning of its three UIDs, which pydicom 2 does not know


class FrameReader:
    """Decodes frames of one file.

    Raises:
        InputError: the file is truncated, or does not tell where its frames begin.
    """

    def __init__(self, header: Header, layout: PixelLayout) -> None:
        self.header, self.layout = header, layout
        if header.length is not None:
            self._spans: list[list[Span]] = []
            self._check_length(header.length)
            return
        try:
            with header.open() as file:
                table, fragments, _ = find_fragments(file, header.start, header.path.stat().st_size)
                self._spans = group_frames(file, table, fragments, layout.frames)
        except (OSError, ValueError):
            raise damaged(header.path, "is truncated or damaged: its compressed frames cannot be told apart") from None

    def _check_length(self, length: int) -> None:
        header, layout = self.header, self.layout
        needed = layout.frames * layout.frame_bytes
        present = len(header.inflated) if header.inflated is not None else header.path.stat().st_size - header.start
        if min(length, present) < needed:
            raise damaged(header.path, f"is truncated: {needed} bytes of pixels expected, {min(length, present)} found")
        if layout.photometric == "YBR_FULL_422" and length >= needed // 2 * 3:
            raise damaged(header.path, "claims sub-sampled colours (YBR_FULL_422) that its pixel data do not have")

    def read(self, start: int, stop: int) -> tuple[np.ndarray, str]:
        """Decode frames ``start`` to ``stop`` - 1.

        Returns:
            [n, rows, columns, samples] in native byte order, and the photometric interpretation that a decoder left.

        Raises:
            InputError: the pixels are truncated or damaged, or need a decoder that is not installed.
        """
        try:
            with quiet():
                return self._compressed(start, stop) if self._spans else self._native(start, stop)
        except (InputError, MemoryError):
            raise
        except Exception as error:  # each decoder has its own
            if self._spans and not _has_decoder(self.header.transfer_syntax):
                raise self._no_decoder() from None
            raise damaged(self.header.path, "is truncated or damaged: its pixels cannot be decoded", error) from None

    def _compressed(self, start: int, stop: int) -> tuple[np.ndarray, str]:
        out: np.ndarray | None = None
        photometric = self.layout.photometric
        with self.header.open() as file:
            for number, spans in enumerate(self._spans[start:stop]):
                frame, photometric = self._decode(b"".join(_slice(file, span) for span in spans))
                if out is None:
                    out = np.empty((stop - start, *frame.shape), frame.dtype)
                out[number] = frame
        assert out is not None
        return out, photometric

    def _decode(self, stream: bytes) -> tuple[np.ndarray, str]:
        layout, syntax = self.layout, self.header.transfer_syntax
        if syntax == JPEGExtended12Bit and layout.stored > 8:
            array = self._decode_12_bit_jpeg(stream)
            return array.reshape(layout.rows, layout.columns, layout.samples), layout.photometric
        array, photometric = _pixel_array(self._dataset(encapsulate([stream]), 1))
        if layout.samples == 3 and stream[:2] == b"\xff\xd8":
            photometric = jpeg_colours(stream, photometric)
        return array.reshape(layout.rows, layout.columns, layout.samples), photometric

    def _decode_12_bit_jpeg(self, stream: bytes) -> np.ndarray:
        # of the decoders that pydicom knows, only one under the GPL is right here
        try:
            from imagecodecs import jpeg8_decode
        except ImportError:
            raise self._no_decoder() from None
        array: np.ndarray = jpeg8_decode(stream)
        return array

    def _native(self, start: int, stop: int) -> tuple[np.ndarray, str]:
        # an unknown syntax is pydicom's to refuse: pixels may well lie in another order than the header's numbers
        if self.header.transfer_syntax in _PLAIN and self.layout.samples == 1:
            return self._plain(start, stop), self.layout.photometric
        layout, size = self.layout, self.layout.frame_bytes
        # 8-bit words of big endian files are swapped in pairs, across the ends of odd frames
        swapped = not self.header.little_endian and layout.allocated == 8 and size % 2 == 1
        first, last = (0, layout.frames) if swapped else (start, stop)
        with self.header.open() as file:
            data = _slice(file, (self.header.start + first * size, (last - first) * size))
            data += file.read(1) if len(data) % 2 and swapped else b"\0" * (len(data) % 2)
        array, photometric = _pixel_array(self._dataset(data, last - first))
        array = array.reshape(last - first, layout.rows, layout.columns, layout.samples)
        return array[start - first : stop - first], photometric

    def _plain(self, start: int, stop: int) -> np.ndarray:
        """Grey frames that stand in the file as they are in memory; a decoder would take four times as long."""
        layout = self.layout
        dtype = np.dtype(f"<{'f' if layout.is_float else 'i' if layout.signed else 'u'}{layout.allocated // 8}")
        array = np.empty((stop - start, layout.rows, layout.columns, 1), dtype)
        with self.header.open() as file:
            file.seek(self.header.start + start * layout.frame_bytes)
            if file.readinto(array.data.cast("B")) < array.nbytes:  # type: ignore[attr-defined]
                raise EOFError
        return array.astype(dtype.newbyteorder("="), copy=False)

    def _dataset(self, data: bytes, frames: int) -> Dataset:
        """A data set with these pixels alone, for pydicom to decode."""
        header = self.header
        dataset: Any = header.values[0x00280002:0x00290000]
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        native = header.inflated is not None
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if native else UID(header.transfer_syntax)
        # a slice shares its elements with the header: replace them, do not assign to them
        dataset.add_new("NumberOfFrames", "IS", frames)
        dataset.add_new("PhotometricInterpretation", "CS", self.layout.photometric)
        dataset.add_new("SamplesPerPixel", "US", self.layout.samples)
        vr = header.vr if header.length is not None else "OB"
        dataset.add_new(header.keyword, vr, data)
        dataset[header.keyword].is_undefined_length = header.length is None
        return dataset

    def _no_decoder(self) -> InputError:
        syntax = self.header.transfer_syntax
        newer = " 'pydicom>=3'" if syntax.startswith(_HTJ2K) else ""
        name = UID(syntax).name if UID(syntax).name != syntax else "something unknown"
        return InputError(
            f"{self.header.path}: its pixels are compressed as {name}, for which no decoder is installed; "
            f"run `pip install monai-gradprom[clinical]{newer}`."
        )


def _slice(file: Any, span: Span) -> bytes:
    file.seek(span[0])
    data: bytes = file.read(span[1])
    if len(data) < span[1]:
        raise EOFError
    return data


def _pixel_array(dataset: Any) -> tuple[np.ndarray, str]:
    """Decoded pixels, chroma as it is, and their photometric interpretation."""
    try:
        from pydicom.pixels import get_decoder
    except ImportError:  # pydicom 2
        array = dataset.pixel_array
        return array.astype(array.dtype.newbyteorder("="), copy=False), str(dataset.PhotometricInterpretation)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    array, made = decoder.as_array(dataset, raw=True, correct_unused_bits=False)  # type: ignore[arg-type]
    return array.astype(array.dtype.newbyteorder("="), copy=False), str(made["photometric_interpretation"])


def _has_decoder(syntax: str) -> bool:
    try:
        from pydicom.pixels import get_decoder
    except ImportError:  # pydicom 2
        handlers: Sequence[Any] = pydicom.config.pixel_data_handlers
        return any(h.is_available() and h.supports_transfer_syntax(UID(syntax)) for h in handlers)
    try:
        return bool(get_decoder(UID(syntax)).is_available)
    except NotImplementedError:
        return False
