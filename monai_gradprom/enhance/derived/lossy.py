# SPDX-License-Identifier: Apache-2.0
"""The history of lossy compression, which pixels carry on whatever happens to them later (PS3.3 C.7.6.1.1.5)."""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset

from monai_gradprom.formats.dicom.fragments import find_fragments
from monai_gradprom.formats.dicom.header import read_header
from monai_gradprom.formats.dicom.pixel_layout import PixelLayout

from .edit import put
from .identity import text

__all__ = ["carry_compression"]

_LOSSY = {  # transfer syntaxes that may lose information → (method, surely lossy)
    "1.2.840.10008.1.2.4.50": ("ISO_10918_1", True),
    "1.2.840.10008.1.2.4.51": ("ISO_10918_1", True),
    "1.2.840.10008.1.2.4.81": ("ISO_14495_1", True),
    "1.2.840.10008.1.2.4.91": ("ISO_15444_1", False),
    "1.2.840.10008.1.2.4.93": ("ISO_15444_2", False),
    "1.2.840.10008.1.2.4.203": ("ISO_15444_15", False),
    **{f"1.2.840.10008.1.2.4.{n}": ("ISO_13818_2", True) for n in ("100", "100.1", "101", "101.1")},
    **{f"1.2.840.10008.1.2.4.{n}{f}": ("ISO_14496_10", True) for n in range(102, 107) for f in ("", ".1")},
    **{f"1.2.840.10008.1.2.4.{n}": ("ISO_23008_2", True) for n in (107, 108)},
    **{f"1.2.840.10008.1.2.4.{n}": ("ISO_18181_1", n == 111) for n in (111, 112)},
}


def carry_compression(header: Dataset, dataset: Dataset) -> None:
    """Say that the source was compressed with loss where it was but did not say so; what it says itself stays.

    JPEG 2000 and JPEG XL may be either in one transfer syntax: a source that says "00" is believed.

    Args:
        header: edited.
        dataset: the source, whose file meta information names its transfer syntax.
    """
    syntax = text(getattr(dataset, "file_meta", None) or Dataset(), "TransferSyntaxUID")
    method, surely = _LOSSY.get(syntax, ("", False))
    said = text(header, "LossyImageCompression")
    if not method or (said == "00" and not surely):
        return
    if said != "01":
        put(header, "LossyImageCompression", "01")
    if not text(header, "LossyImageCompressionMethod") and not text(header, "LossyImageCompressionRatio"):
        put(header, "LossyImageCompressionMethod", method)
        ratio = _ratio(dataset)
        if ratio:
            put(header, "LossyImageCompressionRatio", f"{ratio:.6g}")


def _ratio(dataset: Dataset) -> float:
    """Bytes before compression over bytes after it; 0 if the source's file is not at hand."""
    name = getattr(dataset, "filename", None)
    if not name:
        return 0.0
    header = read_header(Path(name))
    with header.open() as file:
        _, fragments, _ = find_fragments(file, header.start, header.path.stat().st_size)
    layout = PixelLayout(header)
    size = layout.frames * layout.rows * layout.columns * layout.samples * layout.allocated // 8
    return size / sum(length for _, length in fragments)
