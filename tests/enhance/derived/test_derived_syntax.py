# SPDX-License-Identifier: Apache-2.0
import sys
import zlib

import numpy as np
import pydicom
import pytest
from derived_case import RUN, as_frames, derive, read
from dicom_datasets import colour, write_dicom

from monai_gradprom.enhance.derived import syntax as derived_syntax
from monai_gradprom.enhance.derived.image import TRANSFER_SYNTAXES, write_derived
from monai_gradprom.errors import InputError

RANDOM = np.random.default_rng(0)
COMPRESSED = ("rle", "jpegls", "jpeg2000")


def test_names_and_uids():
    assert {name: uid.name for name, uid in TRANSFER_SYNTAXES.items()} == {
        "explicit": "Explicit VR Little Endian",
        "implicit": "Implicit VR Little Endian",
        "deflated": "Deflated Explicit VR Little Endian",
        "rle": "RLE Lossless",
        "jpegls": "JPEG-LS Lossless Image Compression",
        "jpeg2000": "JPEG 2000 Image Compression (Lossless Only)",
    }


@pytest.mark.parametrize("to", TRANSFER_SYNTAXES)
@pytest.mark.parametrize(
    ("dtype", "bits"), [("uint8", 8), ("int8", 8), ("uint16", 16), ("int16", 16), ("uint16", 12), ("int16", 12)]
)
def test_grey_in_every_transfer_syntax(tmp_path, to, dtype, bits):
    low, high = (-(1 << bits - 1), 1 << bits - 1) if dtype.startswith("i") else (0, 1 << bits)
    pixels = RANDOM.integers(low, high, (3, 33, 21)).astype(dtype)
    made = derive(tmp_path, pixels, to=to, BitsStored=bits, HighBit=bits - 1)
    assert made.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[to]
    assert (made.pixel_array == pixels).all() and made.BitsStored == bits
    assert made["PixelData"].is_undefined_length == (to in COMPRESSED)


@pytest.mark.parametrize("to", TRANSFER_SYNTAXES)
@pytest.mark.parametrize("side", [1, 3, 40])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_colour_in_every_transfer_syntax(tmp_path, to, side, dtype):
    pixels = RANDOM.integers(0, np.iinfo(dtype).max, (side, side + 1, 3)).astype(dtype)
    bits = 8 * pixels.itemsize
    depth = {"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1}
    made = derive(tmp_path, pixels, to=to, **colour(side, side + 1, **depth, NumberOfFrames=None))
    assert made.PhotometricInterpretation == ("YBR_RCT" if to == "jpeg2000" else "RGB")
    assert (made.pixel_array == pixels).all()


def test_colours_are_transformed_as_the_header_says(tmp_path):
    made = derive(tmp_path, np.zeros((8, 9, 3), np.uint8), to="jpeg2000", **colour(8, 9, NumberOfFrames=None))
    at = made.PixelData.index(b"\xff\x52")  # COD: length (2), style (1), order (1), layers (2), component transform (1)
    assert made.PixelData[at + 8] == 1


@pytest.mark.parametrize("to", COMPRESSED)
def test_compression_saves(tmp_path, to):
    derive(tmp_path, np.zeros((64, 64), np.uint16), to=to)
    assert (tmp_path / "derived.dcm").stat().st_size < 4000


def test_deflated_is_whole_and_even(tmp_path):
    for width in range(4, 12):
        derive(tmp_path, RANDOM.integers(0, 255, (5, width), np.uint8), to="deflated")
        data = (tmp_path / "derived.dcm").read_bytes()
        start = 132 + 12 + data[140]  # behind the group length, which counts from there
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflater.decompress(data[start:])
        assert inflater.eof and len(data) % 2 == 0 and inflater.unused_data in (b"", b"\0")


@pytest.mark.parametrize("to", COMPRESSED)
@pytest.mark.parametrize("dtype", ["uint32", "float32"])
def test_what_compression_cannot_hold(tmp_path, to, dtype):
    integers = {} if dtype == "uint32" else {"BitsStored": None, "HighBit": None, "PixelRepresentation": None}
    write_dicom(tmp_path / "source.dcm", np.zeros((4, 4), np.uint32), **integers)
    with pytest.raises(InputError, match=f"{to} holds integers of at most 16 bits"):
        frames = as_frames(np.zeros((4, 4), dtype))
        write_derived(read(tmp_path / "source.dcm"), tmp_path / "made.dcm", frames, RUN, 1, to)
    assert not (tmp_path / "made.dcm").exists()


@pytest.mark.parametrize("to", ["jpegls", "jpeg2000"])
def test_encoder_that_is_not_installed(tmp_path, to, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(InputError, match=r"pip install monai-gradprom\[clinical\]"):
        derive(tmp_path, np.zeros((4, 4), np.uint8), to=to)
    derive(tmp_path, np.zeros((4, 4), np.uint8), to="rle")


def test_unknown_transfer_syntax(tmp_path):
    with pytest.raises(InputError, match="explicit, implicit, deflated, rle, jpegls, jpeg2000"):
        derive(tmp_path, np.zeros((4, 4), np.uint8), to="zip")


def test_result_that_no_length_can_say(tmp_path, monkeypatch):
    monkeypatch.setattr(derived_syntax, "_LARGEST", 1000)
    derive(tmp_path, np.zeros((25, 40), np.uint8))
    with pytest.raises(InputError, match="--transfer-syntax jpegls"):
        derive(tmp_path, np.zeros((25, 41), np.uint8))
    derive(tmp_path, np.zeros((25, 41), np.uint8), to="jpegls")


def test_unwritable_place_is_an_error_of_the_system(tmp_path):
    write_dicom(tmp_path / "source.dcm", np.zeros((4, 4), np.uint8))
    frames = np.zeros((1, 1, 4, 4), np.uint8)
    with pytest.raises(OSError):
        write_derived(read(tmp_path / "source.dcm"), tmp_path / "no" / "made.dcm", frames, RUN)


def test_frames_are_not_copied_together(tmp_path):
    """One frame at a time: the rest may be a file on disk that memory has no room for."""
    import tracemalloc

    frames = np.zeros((64, 1, 256, 256), np.uint8)
    write_dicom(tmp_path / "source.dcm", np.zeros((64, 256, 256), np.uint8))
    dataset = pydicom.dcmread(tmp_path / "source.dcm", stop_before_pixels=True)
    tracemalloc.start()
    write_derived(dataset, tmp_path / "made.dcm", frames, RUN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < frames.nbytes / 4
