# SPDX-License-Identifier: Apache-2.0
"""Pixels of DICOM files made by hand."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from unittest import mock

import imagecodecs
import numpy as np
import pydicom
import pytest
from dicom_datasets import US, US_CINE, colour, write_dicom
from PIL import Image
from pydicom.encaps import encapsulate

from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage, open_image
from monai_gradprom.formats.dicom.image import open_dicom

RNG = np.random.default_rng(0)
BASELINE, EXTENDED, LOSSLESS, JLS, J2K, RETIRED, RLE, HTJ2K = (
    f"1.2.840.10008.1.2.{number}" for number in ("4.50", "4.51", "4.70", "4.80", "4.90", "4.53", "5", "4.201")
)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32"])
def test_x_counts_columns(tmp_path: Path, dtype: str) -> None:
    info = np.iinfo(dtype)
    pixels = RNG.integers(info.min, int(info.max) + 1, (3, 5, 4)).astype(dtype)
    image = open_dicom(write_dicom(tmp_path / "a", pixels))
    assert (image.frames, image.channels, image.shape, image.dtype) == (3, 1, (4, 5), np.dtype(dtype))
    assert image.limits == (info.min, info.max) and not image.inverted
    np.testing.assert_array_equal(image.read(), pixels.transpose(0, 2, 1)[:, None])
    np.testing.assert_array_equal(image.read(1, 2), pixels[1:2].transpose(0, 2, 1)[:, None])


def test_only_the_frames_asked_for_are_read(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (400, 64, 64)).astype(np.uint8)
    path = write_dicom(tmp_path / "a.dcm", pixels)
    sizes = []

    class Counting(io.FileIO):
        def read(self, *size: int) -> bytes:
            data = super().read(*size)
            sizes.append(len(data))
            return data

        def readinto(self, buffer) -> int:
            sizes.append(super().readinto(buffer))
            return sizes[-1]

    with mock.patch.object(Path, "open", lambda self, mode: Counting(self, mode)):
        np.testing.assert_array_equal(open_dicom(path).read(300, 302)[:, 0], pixels[300:302].transpose(0, 2, 1))
    assert 2 * 64 * 64 <= sum(sizes) < pixels.nbytes / 10


@pytest.mark.parametrize("syntax", ["1.2.840.113619.5.2", "1.3.46.670589.33.1.4.1", JLS, "1.2.3.4.5"])
def test_native_pixels_of_an_unknown_or_compressed_syntax_are_not_guessed(tmp_path: Path, syntax: str) -> None:
    """In the first, a vendor's, they are big-endian behind a little-endian header."""
    data = write_dicom(tmp_path / "a", np.arange(16, dtype=np.uint16).reshape(4, 4)).read_bytes()
    old = b"1.2.840.10008.1.2.1\0"
    new = syntax.encode() + b"\0" * (len(syntax) % 2)
    at = data.index(old)
    head, tail = data[: at - 2], data[at + len(old) :]
    (tmp_path / "b").write_bytes(head + struct.pack("<H", len(new)) + new + tail)
    with pytest.raises(InputError, match=r"cannot be decoded|no decoder"):
        open_dicom(tmp_path / "b").read()


@pytest.mark.parametrize(("keyword", "bits"), [("FloatPixelData", 64), ("DoubleFloatPixelData", 32)])
def test_fractions_whose_size_disagrees_with_their_name(tmp_path: Path, keyword: str, bits: int) -> None:
    path = write_dicom(tmp_path / "a", np.zeros((4, 4), np.uint32))
    dataset = pydicom.dcmread(path)
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated = bits
    setattr(dataset, keyword, bytes(16 * 8))
    dataset.save_as(path)
    with pytest.raises(InputError, match=f"has {bits} bits allocated"):
        open_dicom(path)


@pytest.mark.parametrize("missing", ["PixelRepresentation", "BitsStored", "PhotometricInterpretation"])
def test_what_pixels_mean_is_never_guessed(tmp_path: Path, missing: str) -> None:
    """Without the first, a signed CT would be read as unsigned."""
    for name, value in (("absent", None), ("empty", "")):
        path = write_dicom(tmp_path / name, np.zeros((4, 4), np.int16), **{missing: value})
        with pytest.raises(InputError, match=r"lacks a value|not a known one"):
            open_dicom(path)


def test_signed_12_bits_and_embedded_overlays(tmp_path: Path) -> None:
    """The four high bits of 16 are not the pixel's: here an overlay lies in them."""
    values = np.array([[-2048, -1, 0, 1, 2047]], dtype=np.int16)
    overlay = np.array([[0x5000, 0x1000, 0xF000, 0x2000, 0x8000]], dtype=np.uint16)
    dirty = ((values.view(np.uint16) & 0x0FFF) | overlay).view(np.int16)
    image = open_dicom(write_dicom(tmp_path / "a", dirty, BitsStored=12, HighBit=11))
    assert image.limits == (-2048, 2047)
    assert image.read()[0, 0, :, 0].tolist() == values[0].tolist()
    unsigned = open_dicom(
        write_dicom(tmp_path / "b", dirty.view(np.uint16), BitsStored=12, HighBit=11, PixelRepresentation=0)
    )
    assert unsigned.limits == (0, 4095)
    assert unsigned.read()[0, 0, :, 0].tolist() == [2048, 4095, 0, 1, 2047]


def test_monochrome1_stays_as_it_is_stored(tmp_path: Path) -> None:
    pixels = np.array([[0, 200]], dtype=np.uint8)
    image = open_dicom(write_dicom(tmp_path / "a", pixels, PhotometricInterpretation="MONOCHROME1"))
    assert image.inverted and image.read().ravel().tolist() == [0, 200]


@pytest.mark.parametrize("planar", [0, 1])
def test_both_planar_configurations(tmp_path: Path, planar: int) -> None:
    pixels = RNG.integers(0, 256, (2, 3, 4, 3)).astype(np.uint8)
    stored = pixels if planar == 0 else pixels.transpose(0, 3, 1, 2)
    elements = colour(3, 4, PlanarConfiguration=planar, NumberOfFrames=2, SOPClassUID=US_CINE)
    image = open_dicom(write_dicom(tmp_path / "a", stored.tobytes(), **elements))
    assert image.channels == 3
    np.testing.assert_array_equal(image.read(), pixels.transpose(0, 3, 2, 1))
    np.testing.assert_array_equal(image.read(1), pixels[1:].transpose(0, 3, 2, 1))


def bt601(rgb: np.ndarray) -> np.ndarray:
    """PS3.3 C.7.6.3.1.2, YBR_FULL."""
    r, g, b = (rgb[..., i].astype(float) for i in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    cb = -0.1687 * r - 0.3313 * g + 0.5 * b + 128
    cr = 0.5 * r - 0.4187 * g - 0.0813 * b + 128
    return np.clip(np.rint(np.stack([y, cb, cr], axis=-1)), 0, 255).astype(np.uint8)


def test_ybr_full_becomes_rgb(tmp_path: Path) -> None:
    rgb = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 255], [10, 90, 200], [77, 77, 77]]])
    elements = colour(2, 3, PhotometricInterpretation="YBR_FULL")
    image = open_dicom(write_dicom(tmp_path / "a", bt601(rgb).tobytes(), **elements))
    # YBR was rounded to whole numbers, and the standard's coefficients to four digits
    assert np.abs(image.read()[0].transpose(2, 1, 0).astype(int) - rgb).max() <= 2


def test_chroma_of_12_bits_has_its_middle_at_2048(tmp_path: Path) -> None:
    elements = colour(1, 2, PhotometricInterpretation="YBR_FULL", BitsAllocated=16, BitsStored=12, HighBit=11)
    data = np.array([[3000, 2048, 2048], [1000, 2048, 2148]], "<u2").tobytes()
    image = open_dicom(write_dicom(tmp_path / "a", data, **elements))
    red, green = 1000 + 140.2, 1000 - 71.4  # BT.601: 1.402 and 0.714 of what red chroma is above the middle
    assert image.read()[0, :, :, 0].T.tolist() == [[3000] * 3, [round(red), round(green), 1000]]


def test_chroma_of_two_neighbours_is_shared(tmp_path: Path) -> None:
    """YBR_FULL_422 stores Y1 Y2 Cb Cr."""
    data = bytes([100, 50, 128, 128, 30, 60, 128, 228])
    image = open_dicom(write_dicom(tmp_path / "a", data, **colour(1, 4, PhotometricInterpretation="YBR_FULL_422")))
    pixels = image.read()[0, :, :, 0].T.tolist()
    assert pixels[:2] == [[100] * 3, [50] * 3]
    assert pixels[2:] == [[30 + 140, 0, 30], [60 + 140, 0, 60]]  # 1.402 * 100, and green below 0


def test_subsampled_colours_that_are_not_are_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a", bytes(3 * 16), **colour(4, 4, PhotometricInterpretation="YBR_FULL_422"))
    with pytest.raises(InputError, match="YBR_FULL_422"):
        open_dicom(path)


def palette(entries: np.ndarray, first: int, bits: int) -> dict:
    names = [f"{c}PaletteColorLookupTable" for c in ("Red", "Green", "Blue")]
    out = {f"{name}Descriptor": [len(entries), first, bits] for name in names}
    return out | {f"{name}Data": entries[:, i].tobytes() for i, name in enumerate(names)}


PALETTE = {"PhotometricInterpretation": "PALETTE COLOR", "SOPClassUID": US}


@pytest.mark.parametrize(
    ("entries", "bits", "dtype", "expected"),
    [
        (np.array([[1, 2, 3], [250, 251, 252]], np.uint8), 8, "uint8", [[1, 2, 3], [250, 251, 252]]),
        (np.array([[1, 2, 3], [250, 251, 252]], np.uint16), 8, "uint8", [[1, 2, 3], [250, 251, 252]]),
        (np.array([[0x0100, 0, 0], [0xFF00, 0, 0]], np.uint16), 16, "uint8", [[1, 0, 0], [255, 0, 0]]),
        (np.array([[0x0101, 0, 0], [0xFFFF, 0, 0]], np.uint16), 16, "uint8", [[1, 0, 0], [255, 0, 0]]),
        (np.array([[0x0102, 0, 0], [0xFFFE, 0, 0]], np.uint16), 16, "uint16", [[0x0102, 0, 0], [0xFFFE, 0, 0]]),
        (np.array([[7, 7, 7], [9, 9, 9]], np.uint8), 8, "uint8", [[7], [9]]),
    ],
)
def test_palettes(tmp_path: Path, entries: np.ndarray, bits: int, dtype: str, expected: list) -> None:
    pixels = np.array([[0, 3, 4, 200]], dtype=np.uint8)  # the palette begins at 3: what is outside is clipped
    image = open_dicom(write_dicom(tmp_path / "a", pixels, **PALETTE, **palette(entries, 3, bits)))
    assert image.dtype == dtype and image.channels == len(expected[0])
    assert image.limits == (0, np.iinfo(dtype).max)
    found = image.read()[0, :, :, 0].T.tolist()
    assert found == [expected[0], expected[0], expected[1], expected[1]]


def test_a_palette_of_all_16_bit_values(tmp_path: Path) -> None:
    """PS3.3 C.7.6.3.1.5: 65536 entries are written as 0."""
    entries = np.stack([np.arange(65536), np.arange(65536)[::-1], np.full(65536, 258)], axis=1).astype(np.uint16)
    written = palette(entries, 0, 16)
    written = {key: [0, 0, 16] if key.endswith("Descriptor") else value for key, value in written.items()}
    image = open_dicom(write_dicom(tmp_path / "a", np.array([[0, 300, 65535]], np.uint16), **PALETTE, **written))
    assert image.read()[0, :, :, 0].T.tolist() == [[0, 65535, 258], [300, 65235, 258], [65535, 0, 258]]


def test_a_segmented_palette(tmp_path: Path) -> None:
    """PS3.3 C.7.9.2: a discrete segment of one entry, then a linear one of four up to 40."""
    segments = np.array([0, 1, 0, 1, 4, 40], np.uint8).tobytes()
    names = [f"{c}PaletteColorLookupTable" for c in ("Red", "Green", "Blue")]
    elements = {f"{name}Descriptor": [5, 0, 8] for name in names} | {f"Segmented{name}Data": segments for name in names}
    elements["SegmentedBluePaletteColorLookupTableData"] = np.array([0, 5, 1, 1, 1, 1, 1, 0], np.uint8).tobytes()
    image = open_dicom(write_dicom(tmp_path / "a", np.arange(5, dtype=np.uint8)[None], **PALETTE, **elements))
    assert image.read()[0, 0, :, 0].tolist() == [0, 10, 20, 30, 40]
    assert image.read()[0, 2, :, 0].tolist() == [1] * 5


def test_float_pixels(tmp_path: Path) -> None:
    pixels = RNG.normal(size=(2, 3)).astype(np.float32)
    path = write_dicom(tmp_path / "a", pixels, BitsStored=None, HighBit=None, PixelRepresentation=None)
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.FloatPixelData = pixels.tobytes()
    dataset.save_as(path)
    image = open_dicom(path)
    assert image.dtype == np.float32 and image.limits == (-np.inf, np.inf)
    np.testing.assert_array_equal(image.read()[0, 0], pixels.T)


GREY8 = np.add.outer(np.arange(24), 3 * np.arange(16)).astype(np.uint8)
GREY12 = (GREY8.astype(np.uint16) * 40).astype(np.uint16)


def jpeg(array: np.ndarray, **options: object) -> bytes:
    data = io.BytesIO()
    Image.fromarray(array).save(data, "JPEG", **options)
    return data.getvalue()


def frames_of(syntax: str) -> tuple[np.ndarray, list[bytes], float]:
    """Two frames, their codestreams by an encoder that is not used for reading, and how far off they may be."""
    twelve = np.stack([GREY12, GREY12[::-1]])
    eight = np.stack([GREY8, GREY8[::-1]])
    if syntax == BASELINE:
        return eight, [jpeg(frame, quality=95) for frame in eight], 3
    if syntax == EXTENDED:
        return twelve, [imagecodecs.jpeg8_encode(frame, level=98, bitspersample=12) for frame in twelve], 30
    if syntax == LOSSLESS:
        return twelve, [imagecodecs.ljpeg_encode(frame, bitspersample=16) for frame in twelve], 0
    if syntax == JLS:
        return twelve, [imagecodecs.jpegls_encode(frame) for frame in twelve], 0
    if syntax == HTJ2K:
        return twelve, [imagecodecs.htj2k_encode(frame, reversible=True) for frame in twelve], 0
    return (
        twelve,
        [imagecodecs.jpeg2k_encode(frame, level=0, codecformat="J2K", reversible=True) for frame in twelve],
        0,
    )


NEEDS_3 = pytest.mark.skipif(pydicom.__version__ < "3", reason="pydicom 2 knows no HTJ2K")


@pytest.mark.parametrize("syntax", [BASELINE, EXTENDED, LOSSLESS, JLS, J2K, pytest.param(HTJ2K, marks=NEEDS_3)])
@pytest.mark.parametrize("table", [True, False])
def test_compressed_frames(tmp_path: Path, syntax: str, table: bool) -> None:
    frames, streams, far = frames_of(syntax)
    stored = {} if syntax == BASELINE else {"BitsStored": 16 if syntax in (LOSSLESS, J2K, JLS, HTJ2K) else 12}
    more = {"HighBit": stored["BitsStored"] - 1} if stored else {}
    description = {"Rows": 24, "Columns": 16, "BitsAllocated": 8 * frames.itemsize, "SamplesPerPixel": 1}
    description |= {"BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "NumberOfFrames": 2} | stored | more
    description |= {"PhotometricInterpretation": "MONOCHROME2", "SOPClassUID": US_CINE}
    path = write_dicom(tmp_path / "a", encapsulate(streams, has_bot=table), syntax, **description)
    image = open_image(path)
    assert image.read().shape == (2, 1, 16, 24)
    for number in (0, 1):
        out = image.read(number, number + 1)[0, 0].T
        assert np.abs(out.astype(int) - frames[number]).max() <= far


@pytest.mark.parametrize("table", [True, False])
def test_frames_in_pieces(tmp_path: Path, table: bool) -> None:
    """Two frames in three fragments: a table of offsets tells where the second begins, else its JPEG marker."""
    first, second = (jpeg(frame) for frame in (GREY8, GREY8[::-1]))
    first, second = first + b"\0" * (len(first) % 2), second + b"\0" * (len(second) % 2)
    pieces = [first[:100], first[100:], second]
    offsets = struct.pack("<2L", 0, len(first) + 16) if table else b""
    items = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(piece)) + piece for piece in (offsets, *pieces))
    description = {"Rows": 24, "Columns": 16, "BitsAllocated": 8, "SamplesPerPixel": 1, "BitsStored": 8, "HighBit": 7}
    description |= {"PixelRepresentation": 0, "NumberOfFrames": 2, "PhotometricInterpretation": "MONOCHROME2"}
    image = open_dicom(write_dicom(tmp_path / "a", items, BASELINE, **description))
    for number, expected in enumerate((GREY8, GREY8[::-1])):
        assert np.abs(image.read(number, number + 1)[0, 0].T.astype(int) - expected).max() <= 8


@pytest.mark.parametrize(
    ("claimed", "options"), [("RGB", {}), ("YBR_FULL_422", {"keep_rgb": True}), ("YBR_FULL_422", {})]
)
def test_the_codestream_knows_its_colours_best(tmp_path: Path, claimed: str, options: dict) -> None:
    """Pillow writes YCbCr with a JFIF marker, or components named R, G and B."""
    rgb = np.stack([GREY8, GREY8[::-1], GREY8[:, ::-1]], axis=-1)
    pixels = encapsulate([jpeg(rgb, quality=98, subsampling=0, **options)])
    image = open_dicom(
        write_dicom(tmp_path / "a", pixels, BASELINE, **colour(24, 16, PhotometricInterpretation=claimed))
    )
    assert np.abs(image.read()[0].transpose(2, 1, 0).astype(int) - rgb).max() <= 6


def test_rle(tmp_path: Path) -> None:
    """PS3.5 G: one segment a byte, the high bytes first; -4 repeats a byte five times."""
    segments = [bytes([252, 1, 0, 0]), bytes([4, 5, 6, 7, 8, 9])]
    header = struct.pack("<16L", 2, 64, 68, *[0] * 13)
    pixels = encapsulate([header + b"".join(segments)])
    description = {"Rows": 1, "Columns": 5, "BitsAllocated": 16, "SamplesPerPixel": 1, "BitsStored": 16, "HighBit": 15}
    description |= {"PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"}
    image = open_dicom(write_dicom(tmp_path / "a", pixels, RLE, **description))
    assert image.read().ravel().tolist() == [256 + n for n in (5, 6, 7, 8, 9)]


def test_a_missing_decoder_is_named_with_its_remedy(tmp_path: Path) -> None:
    _, streams, _ = frames_of(EXTENDED)
    description = {"Rows": 24, "Columns": 16, "BitsAllocated": 16, "SamplesPerPixel": 1, "BitsStored": 12}
    description |= {"HighBit": 11, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"}
    path = write_dicom(tmp_path / "a.dcm", encapsulate(streams[:1]), EXTENDED, **description)
    image = open_dicom(path)
    with (
        mock.patch.dict(sys.modules, {"imagecodecs": None}),
        pytest.raises(InputError, match=r"JPEG Extended.*pip install monai-gradprom\[clinical\]") as caught,
    ):
        image.read()
    assert str(caught.value).startswith(str(path))
    unknown = write_dicom(tmp_path / "b.dcm", encapsulate(streams[:1]), RETIRED, **description)
    with pytest.raises(InputError, match=r"JPEG Spectral Selection.*no decoder is installed"):
        open_dicom(unknown).read()


@pytest.mark.parametrize("syntax", ["4.100", "4.102.1", "4.107"])
def test_a_video_is_no_damaged_image(tmp_path: Path, syntax: str) -> None:
    pixels = encapsulate([b"\0\0\1\xb3" * 40])  # one stream, many frames
    path = write_dicom(
        tmp_path / "a", pixels, f"1.2.840.10008.1.2.{syntax}", NumberOfFrames=90,
        **colour(24, 16, PhotometricInterpretation="YBR_PARTIAL_420"),
    )  # fmt: skip
    with pytest.raises(NotAnImage, match="is a video"):
        open_dicom(path)


def test_no_plug_in_at_all(tmp_path: Path) -> None:
    _, streams, _ = frames_of(JLS)
    description = {"Rows": 24, "Columns": 16, "BitsAllocated": 16, "SamplesPerPixel": 1, "BitsStored": 16}
    description |= {"HighBit": 15, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"}
    path = write_dicom(tmp_path / "a.dcm", encapsulate(streams[:1]), JLS, **description)
    pixels = pytest.importorskip("pydicom.pixels", reason="pydicom 2 finds its decoders in another way")
    with (
        mock.patch.dict(pixels.get_decoder(JLS)._available, clear=True),
        pytest.raises(InputError, match=r"JPEG-LS Lossless.*pip install monai-gradprom\[clinical\]"),
    ):
        open_dicom(path).read()


SMALL = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}


@pytest.mark.parametrize(
    "elements",
    [
        {"HighBit": 15, "BitsStored": 12},
        {"BitsAllocated": 12, "BitsStored": 12, "HighBit": 11},
        {"SamplesPerPixel": 2},
        {"PhotometricInterpretation": "HSV"},
        {"PhotometricInterpretation": "DOE JANE"},
        {"Rows": 0},
        {"Columns": None},
        {"NumberOfFrames": 3},
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path, elements: dict) -> None:
    path = write_dicom(tmp_path / "a.dcm", np.zeros((4, 4), np.uint16), **elements)
    with pytest.raises(InputError) as caught:
        open_dicom(path)
    message = str(caught.value)
    assert not isinstance(caught.value, NotAnImage)
    assert message.startswith(str(path)) and message.endswith(".") and "\n" not in message and "JANE" not in message


@pytest.mark.parametrize("syntax", [J2K, JLS, BASELINE])
def test_a_damaged_codestream(tmp_path: Path, syntax: str) -> None:
    frames, streams, _ = frames_of(syntax)
    description = {"Rows": 24, "Columns": 16, "BitsAllocated": 8 * frames.itemsize, "SamplesPerPixel": 1}
    description |= {"BitsStored": 8 * frames.itemsize, "HighBit": 8 * frames.itemsize - 1, "PixelRepresentation": 0}
    description |= {"PhotometricInterpretation": "MONOCHROME2"}
    path = write_dicom(tmp_path / "a.dcm", encapsulate([streams[0][:20]]), syntax, **description)
    with pytest.raises(InputError, match=r"a\.dcm: is truncated or damaged"):
        open_dicom(path).read()


def test_a_truncated_file(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", np.zeros((3, 20, 20), np.uint8))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="truncated: 1200 bytes of pixels expected, 700 found"):
        open_dicom(path)
    frames, streams, _ = frames_of(J2K)
    description = {"Rows": 24, "Columns": 16, "BitsAllocated": 16, "SamplesPerPixel": 1, "BitsStored": 16}
    description |= {"HighBit": 15, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"}
    path = write_dicom(tmp_path / "b.dcm", encapsulate(streams), J2K, NumberOfFrames=2, **description)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(InputError, match="truncated"):
        open_dicom(path)
    path.write_bytes(whole[:-8])  # the delimiter alone is gone: nothing is lost
    np.testing.assert_array_equal(open_dicom(path).read()[1, 0].T, frames[1])
