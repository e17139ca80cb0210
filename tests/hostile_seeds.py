# SPDX-License-Identifier: Apache-2.0
"""Small sound files of every format, which mutations start from."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from dicom_datasets import US_CINE, colour, item, write_dicom
from PIL import Image

DICOM_OF_OTHERS = Path(pydicom.__file__).parent / "data" / "test_files"
LARGEST = 45_000  # bytes of a seed: mutations of larger ones seldom meet anything but pixels
CFG = b"ED: 1\nES: 14\nNbFrame: 20\nSex: F\nAge: 56\nImageQuality: Good\nEF: 56.3\nFrameRate: 48.4\n"
KINDS = ("dicom", "nifti", "png", "tiff", "jpeg", "bmp", "metaimage", "mhd", "mat", "cfg")
SUFFIXES = {"dicom": ".dcm", "nifti": ".nii", "png": ".png", "tiff": ".tif", "jpeg": ".jpg", "bmp": ".bmp"}
SUFFIXES |= {"metaimage": ".mha", "mhd": ".mhd", "mat": ".mat", "cfg": ".cfg"}


def beside(suffix):
    """What the headers of this suffix name: sound bytes by file name."""
    data = _values(720).tobytes()
    return {"file.raw": data, "file.zraw": zlib.compress(data)} if suffix == ".mhd" else {}


@cache
def seeds(kind):
    """Bytes of several files."""
    return tuple(globals()[f"_{kind}"]())


def _values(*shape, dtype=np.uint8):
    return np.random.default_rng(7).integers(0, 200, shape).astype(dtype)


def _dicom():
    found = [p for p in sorted(DICOM_OF_OTHERS.rglob("*")) if p.is_file() and "TINY_ALPHA" not in p.parts]
    yield from (p.read_bytes() for p in found if p.suffix != ".txt" and p.stat().st_size <= LARGEST)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        yield write_dicom(path, _values(4, 9, 8, dtype=np.uint16)).read_bytes()
        names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
        about = item(RegionSpatialFormat=1, RegionDataType=1, **dict(zip(names, (1, 2, 9, 8), strict=True)))
        given = colour(12, 14, Modality="US", SOPClassUID=US_CINE, NumberOfFrames=3)
        given |= {"SequenceOfUltrasoundRegions": [about]}
        yield write_dicom(path, _values(3, 12, 14, 3).tobytes(), **given).read_bytes()


def _nifti():
    import nibabel

    for dtype in (np.uint8, np.int16, np.float32):
        for shape in ((6, 5), (6, 5, 3), (6, 5, 3, 2)):
            made = nibabel.Nifti1Image(_values(*shape, dtype=dtype), np.eye(4))
            made.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"somebody wrote this"))
            yield made.to_bytes()
    yield nibabel.Nifti2Image(_values(6, 5, 3, dtype=np.int16), np.eye(4)).to_bytes()


def _saved(pixels, kind, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def _png():
    import imagecodecs

    yield _saved(_values(9, 8), "PNG", dpi=(100, 100))
    yield _saved(_values(9, 8, dtype=np.uint16), "PNG")
    yield _saved(_values(9, 8, 3), "PNG", icc_profile=bytes(200))
    yield _saved(_values(9, 8, 4), "PNG", exif=_exif())
    yield bytes(imagecodecs.png_encode(_values(9, 8, 3, dtype=np.uint16)))
    stream = io.BytesIO()
    Image.fromarray(_values(9, 8)).quantize(5).save(stream, "PNG", transparency=1)
    yield stream.getvalue()
    stream = io.BytesIO()
    Image.fromarray(_values(9, 8) > 90).save(stream, "PNG")
    yield stream.getvalue()


def _exif():
    entries = [(0x0112, 3, 1, 1 << 16), (0x011A, 5, 1, 38), (0x0128, 3, 1, 2 << 16)]
    body = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return b"MM\0*" + struct.pack(">IH", 8, 3) + body + struct.pack(">III", 0, 72, 1)


def _tiff():
    import tifffile

    for pixels, options in (
        (_values(9, 8), {}),
        (_values(3, 9, 8, dtype=np.uint16), {"compression": "zlib", "predictor": 2}),
        (_values(9, 8, 3), {"resolution": (100, 100), "resolutionunit": 3, "description": "of somebody"}),
        (_values(9, 8, 4), {"compression": "lzw", "extrasamples": [2]}),
        (_values(9, 8, dtype=np.float32), {"byteorder": ">"}),
        (_values(40, 40, 3), {"compression": "jpeg", "tile": (32, 32)}),
        (_values(40, 40), {"bigtiff": True, "tile": (16, 16), "compression": "packbits"}),
    ):
        writer = {name: options.pop(name) for name in ("byteorder", "bigtiff") if name in options}
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream, **writer) as file:
            file.write(pixels, metadata=None, **options)
        yield stream.getvalue()
    yield _saved(_values(9, 8) > 90, "TIFF", compression="group4")


def _jpeg():
    yield _saved(_values(17, 18), "JPEG", quality=60)
    yield _saved(_values(17, 18, 3), "JPEG", dpi=(90, 90), exif=b"Exif\0\0" + _exif(), comment=b"somebody")
    yield _saved(_values(17, 18, 3), "JPEG", progressive=True, icc_profile=bytes(150))
    yield _saved(_values(33, 34, 3), "JPEG", subsampling=2)


def _bmp():
    yield _saved(_values(9, 8), "BMP")
    yield _saved(_values(9, 8, 3), "BMP", dpi=(90, 90))
    yield _saved(_values(9, 8) > 90, "BMP")
    colours = b"".join(struct.pack("<BBBB", n, 255 - n, n // 2, 0) for n in range(16))
    header = struct.pack("<IiiHHIIiiII", 40, 8, 4, 1, 4, 2, 24, 0, 0, 16, 16)  # run lengths of 4 bits
    data = b"\x08\x12\x00\x00" * 4 + b"\x00\x01"
    yield b"BM" + struct.pack("<IHHI", 54 + 64 + len(data), 0, 0, 118) + header + colours + data


def _metaimage():
    for kind, dtype, lines in (
        ("MET_SHORT", np.int16, "NDims = 2\nDimSize = 6 5\n"),
        ("MET_UCHAR", np.uint8, "NDims = 3\nDimSize = 6 5 3\nElementSpacing = 1 1 2\nOffset = 0 1 2\n"),
        ("MET_FLOAT", np.float32, "NDims = 4\nDimSize = 6 5 3 2\nTransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n"),
    ):
        count = {"MET_SHORT": 30, "MET_UCHAR": 90, "MET_FLOAT": 180}[kind]
        data = _values(count, dtype=dtype).tobytes()
        for packed in (False, True):
            body = zlib.compress(data) if packed else data
            more = f"CompressedData = True\nCompressedDataSize = {len(body)}\n" if packed else ""
            head = f"ObjectType = Image\n{lines}BinaryData = True\nBinaryDataByteOrderMSB = False\n{more}"
            yield f"{head}ElementType = {kind}\nElementDataFile = LOCAL\n".encode() + body


def _mhd():
    for data in _metaimage():
        packed = b"CompressedData" in data
        yield data[: data.index(b"LOCAL")] + (b"file.zraw\n" if packed else b"file.raw\n")


def _mat():
    import scipy.io

    label = {"inst_map": _values(20, 24, dtype=np.int32) % 7, "id": np.arange(1, 7)[:, None]}
    label |= {"class": np.array([1, 2, 3, 4, 5, 6])[:, None], "centroid": _values(6, 2).astype(float)}
    for options in ({"do_compression": True}, {"do_compression": False}, {"format": "4"}):
        stream = io.BytesIO()
        scipy.io.savemat(stream, label, **options)
        yield stream.getvalue()


def _cfg():
    yield CFG
    yield CFG.replace(b"\n", b"\r\n")


def packed(data):
    """As gzip has it, without name and time."""
    return gzip.compress(data, mtime=0)
