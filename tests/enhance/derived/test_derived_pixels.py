# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pydicom
import pytest
from derived_case import RUN, as_frames, derive, raw_file, read
from dicom_datasets import US, US_CINE, colour, write_dicom

from monai_gradprom.enhance.derived.image import write_derived
from monai_gradprom.errors import InputError

SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
GREY = np.arange(15, dtype=np.uint16).reshape(3, 5)


def entries(values: list[int]) -> bytes:
    return np.array(values, "<u2").tobytes()


def palette(bits: int = 16) -> dict:
    data = {f"{c}PaletteColorLookupTableData": entries([0, 0x8000, 0xFFFF]) for c in ("Red", "Green", "Blue")}
    head = {f"{c}PaletteColorLookupTableDescriptor": [3, 0, bits] for c in ("Red", "Green", "Blue")}
    return data | head | {"PhotometricInterpretation": "PALETTE COLOR", "PaletteColorLookupTableUID": "1.2.66"}


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_grey_is_stored_as_it_was(tmp_path, dtype, photometric):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    pixels = np.array([[low, 0, high, 1, 2], [1, 2, 3, 4, high], [high, low, 5, 6, 7]], dtype)
    made = derive(tmp_path, pixels, PhotometricInterpretation=photometric)
    assert made.PhotometricInterpretation == photometric and "PlanarConfiguration" not in made
    assert (made.pixel_array == pixels).all() and made.pixel_array.dtype == dtype
    assert ("OB" if pixels.itemsize == 1 else "OW") == made["PixelData"].VR
    assert len(made.PixelData) == pixels.nbytes + pixels.nbytes % 2


def test_frames_keep_their_order_and_axes(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (4, 3, 5), np.uint8)
    made = derive(tmp_path, pixels, SOPClassUID=US_CINE)
    assert made.NumberOfFrames == 4 and (made.pixel_array == pixels).all()
    assert made.PixelData == pixels.tobytes()


@pytest.mark.parametrize(("representation", "low", "high"), [(0, 0, 4095), (1, -2048, 2047)])
def test_values_are_clipped_to_the_bits_stored(tmp_path, representation, low, high):
    bits = {"BitsStored": 12, "HighBit": 11}
    pixels = np.array([[30000, -30000 if representation else 0, 7, 8]], np.int16 if representation else np.uint16)
    made = derive(tmp_path, pixels, **bits)
    assert (made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation) == (16, 12, 11, representation)
    assert np.frombuffer(made.PixelData, pixels.dtype).tolist() == [high, low, 7, 8]


def test_meaning_of_values_is_kept_byte_for_byte(tmp_path):
    tags = [(0x00280120, "SS", b"\x30\xf8"), (0x00281050, "DS", b"+4.0E1"), (0x00281052, "DS", b"-1024.0 ")]
    source = raw_file(tmp_path / "source.dcm", [*tags, (0x00283010, "SQ", b"")])
    write_derived(read(source), tmp_path / "derived.dcm", np.zeros((1, 1, 2, 2), np.uint8), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert [(tag, made.get_item(tag).VR, made.get_item(tag).value) for tag, *_ in tags] == tags
    assert "VOILUTSequence" in made


@pytest.mark.parametrize(("dtype", "vr"), [("uint16", "US"), ("int16", "SS")])
def test_smallest_and_largest_value_are_made_anew(tmp_path, dtype, vr):
    pixels = np.array([[3, 9], [4, 5]], dtype) * (-1 if vr == "SS" else 1)
    made = derive(tmp_path, pixels.astype(dtype), SmallestImagePixelValue=0, LargestImagePixelValue=100)
    found = made["SmallestImagePixelValue"], made["LargestImagePixelValue"]
    assert [(element.VR, element.value) for element in found] == [(vr, pixels.min()), (vr, pixels.max())]
    assert "SmallestImagePixelValue" not in derive(tmp_path, pixels.astype(dtype))


def test_smallest_value_that_does_not_fit_or_of_colours_is_left_out(tmp_path):
    extremes = {"SmallestImagePixelValue": 0, "LargestImagePixelValue": 100}
    assert "LargestImagePixelValue" not in derive(tmp_path, np.full((2, 2), 70000, np.uint32), **extremes)
    rgb = derive(tmp_path, np.zeros((2, 2, 3), np.uint8), **colour(2, 2), **extremes, NumberOfFrames=None)
    assert "LargestImagePixelValue" not in rgb


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"])
@pytest.mark.parametrize("frames", [1, 2])
def test_colour_becomes_rgb_by_pixel(tmp_path, photometric, frames):
    pixels = np.random.default_rng(0).integers(0, 255, (frames, 3, 5, 3), np.uint8)
    more = {"PhotometricInterpretation": photometric, "PlanarConfiguration": 1, "NumberOfFrames": frames}
    made = derive(tmp_path, pixels, **colour(3, 5, **more))
    assert (made.PhotometricInterpretation, made.PlanarConfiguration, made.SamplesPerPixel) == ("RGB", 0, 3)
    assert (made.pixel_array == pixels.squeeze()).all()
    assert len(made.PixelData) == pixels.nbytes + pixels.nbytes % 2


def stale(made) -> list[str]:
    return [e.keyword for e in made if "Palette" in e.keyword or "Padding" in e.keyword]


@pytest.mark.parametrize("bits", [8, 16])
def test_palette_becomes_rgb(tmp_path, bits):
    pixels = np.zeros((3, 5), np.int8)
    write_dicom(tmp_path / "source.dcm", pixels, **palette(), SOPClassUID=SECONDARY, PixelPaddingValue=3)
    colours = np.random.default_rng(0).integers(0, 1 << bits, (3, 5, 3)).astype(f"u{bits // 8}")
    write_derived(read(tmp_path / "source.dcm"), tmp_path / "derived.dcm", as_frames(colours), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert (made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation) == (bits, bits, bits - 1, 0)
    assert made.PhotometricInterpretation == "RGB" and (made.pixel_array == colours).all()
    assert not stale(made)


def test_palette_of_16_bits_in_ultrasound_becomes_8(tmp_path):
    write_dicom(tmp_path / "source.dcm", np.zeros((1, 3), np.uint8), **palette(), SOPClassUID=US)
    colours = np.array([[[0, 128, 129], [257, 65407, 65535], [33000, 385, 386]]], np.uint16)
    write_derived(read(tmp_path / "source.dcm"), tmp_path / "derived.dcm", as_frames(colours), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert (made.BitsAllocated, made.BitsStored, made.HighBit) == (8, 8, 7)
    assert made.pixel_array.tolist() == [[[0, 0, 1], [1, 255, 255], [128, 1, 2]]]


def test_palette_of_greys_stays_in_colour(tmp_path):
    """As grey, it would be shown through whatever window the header or the viewer has."""
    write_dicom(tmp_path / "source.dcm", GREY.astype(np.uint8), **palette(), SOPClassUID=US)
    write_derived(read(tmp_path / "source.dcm"), tmp_path / "derived.dcm", as_frames(GREY.astype(np.uint8)), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert made.PhotometricInterpretation == "RGB"
    assert (made.pixel_array == GREY[..., None]).all()


def test_supplemental_palette_of_a_grey_image_stays(tmp_path):
    made = derive(tmp_path, GREY, **palette() | {"PhotometricInterpretation": "MONOCHROME2"})
    assert "RedPaletteColorLookupTableData" in made


@pytest.mark.parametrize(
    ("dtype", "keyword", "vr"), [("f4", "FloatPixelData", "OF"), ("f8", "DoubleFloatPixelData", "OD")]
)
def test_floats(tmp_path, dtype, keyword, vr):
    integers = {"BitsStored": None, "HighBit": None, "PixelRepresentation": None}
    write_dicom(tmp_path / "source.dcm", GREY.astype("u4"), **integers, BitsAllocated=8 * np.dtype(dtype).itemsize)
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(dtype)
    write_derived(read(tmp_path / "source.dcm"), tmp_path / "derived.dcm", as_frames(values), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert vr == made[keyword].VR and made[keyword].value == values.tobytes()
    assert "PixelData" not in made and "HighBit" not in made


def test_offsets_of_fragments_that_are_gone(tmp_path):
    tables = [(0x7FE00001, "OV", bytes(8)), (0x7FE00002, "OV", bytes(8)), (0x00287FE0, "UR", b"http://x")]
    source = raw_file(tmp_path / "source.dcm", tables)
    write_derived(read(source), tmp_path / "derived.dcm", np.zeros((1, 1, 2, 2), np.uint8), RUN)
    made = pydicom.dcmread(tmp_path / "derived.dcm")
    assert not [tag for tag, *_ in tables if tag in made]


def test_high_bit_follows_the_values(tmp_path):
    assert derive(tmp_path, GREY, BitsStored=12, HighBit=15).HighBit == 11


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((3, 5), np.uint16), "2 axes"),
        (np.zeros((1, 1, 3, 5), np.uint16), "not what the DICOM header describes"),
        (np.zeros((2, 1, 5, 3), np.uint16), "not what the DICOM header describes"),
        (np.zeros((1, 3, 5, 3), np.uint16), "3 channels"),
        (np.zeros((1, 1, 5, 3), np.int16), "dtype int16, but the source stores uint16"),
        (np.zeros((1, 1, 5, 3), np.float32), "dtype float32, but the source stores uint16"),
    ],
)
def test_frames_that_do_not_fit(tmp_path, frames, message):
    write_dicom(tmp_path / "source.dcm", GREY)
    with pytest.raises(InputError, match=message):
        write_derived(read(tmp_path / "source.dcm"), tmp_path / "derived.dcm", frames, RUN)


def test_bits_that_are_no_bytes(tmp_path):
    write_dicom(tmp_path / "source.dcm", GREY, BitsAllocated=1, BitsStored=1, HighBit=0)
    with pytest.raises(InputError, match="allocates 1 bits"):
        write_derived(read(tmp_path / "source.dcm"), tmp_path / "derived.dcm", as_frames(GREY), RUN)
