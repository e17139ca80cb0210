# SPDX-License-Identifier: Apache-2.0
"""How the pixels of a DICOM file are laid out."""

from __future__ import annotations

from monai_gradprom.formats.dicom.header import Header

__all__ = ["PixelLayout"]


class PixelLayout:
    """The Image Pixel module (PS3.3 C.7.6.3) of a file.

    Raises:
        ValueError: a value is missing or makes no sense.
    """

    def __init__(self, header: Header) -> None:
        dataset = header.values
        self.frames = int(dataset.get("NumberOfFrames") or 1)
        self.rows, self.columns = int(dataset.get("Rows")), int(dataset.get("Columns"))
        self.samples = int(dataset.get("SamplesPerPixel") or 1)
        self.allocated = int(dataset.get("BitsAllocated"))
        self.is_float = header.keyword != "PixelData"
        self.stored = int(dataset.get("BitsStored") or self.allocated * self.is_float)
        self.photometric = str(dataset.get("PhotometricInterpretation") or "")
        self.signed = dataset.get("PixelRepresentation") == 1
        if min(self.frames, self.rows, self.columns) < 1 or not 1 <= self.stored <= self.allocated:
            raise ValueError("a size is not positive")
        if not self.is_float and dataset.get("PixelRepresentation") not in (0, 1):
            raise ValueError("whether values are signed is not known")

    @property
    def frame_bytes(self) -> int:
        """Of one uncompressed frame; chroma is sub-sampled in YBR_FULL_422."""
        count = self.rows * self.columns * self.samples * self.allocated // 8
        return count * 2 // 3 if self.photometric == "YBR_FULL_422" else count
