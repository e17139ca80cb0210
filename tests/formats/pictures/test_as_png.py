# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from monai_gradprom.errors import InputError
from monai_gradprom.formats.pictures.raster import open_raster
from monai_gradprom.formats.stored import NotAnImage

RNG = np.random.default_rng(0)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SMOOTH = np.add.outer(np.arange(24) * 5, np.arange(32) * 4).astype(np.uint8)


def rewritten(path: Path, kind: str, factor: int = 1) -> Image.Image:
    image = open_raster(path, kind)
    assert image.suffix_added == ".png"
    target = path.with_name(f"x{factor}_{path.name}.png")
    image.write(target, image.read().repeat(factor, axis=-1).repeat(factor, axis=-2), factor)
    written = Image.open(target)
    assert written.format == "PNG"
    return written


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_is_written_as_it_is_decoded(tmp_path: Path, mode: str) -> None:
    Image.fromarray(SMOOTH).convert(mode).save(tmp_path / "a.jpg", quality=95)
    image = open_raster(tmp_path / "a.jpg", "JPEG")
    assert (image.channels, image.shape, image.dtype) == (len(mode), (32, 24), np.uint8)
    decoded = imagecodecs.jpeg8_decode((tmp_path / "a.jpg").read_bytes())
    np.testing.assert_array_equal(np.asarray(rewritten(tmp_path / "a.jpg", "JPEG")), decoded)


def test_what_a_jpeg_says_of_itself_is_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x010F] = 6, 300.0, "Maker"
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"
    Image.fromarray(SMOOTH).convert("RGB").save(
        tmp_path / "a.jpg", icc_profile=SRGB, exif=exif, dpi=(254, 508), comment=b"hello",
        extra=b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp,
    )  # fmt: skip
    for factor in (1, 2):
        written = rewritten(tmp_path / "a.jpg", "JPEG", factor)
        assert written.size == (32 * factor, 24 * factor)  # the orientation is a note, nothing is rotated
        assert written.info["icc_profile"] == SRGB and written.text["Comment"] == "hello"
        assert written.text["XML:com.adobe.xmp"] == "<x:xmpmeta/>"
        assert written.info["dpi"] == pytest.approx((254 * factor, 508 * factor), abs=0.02)
        found = written.getexif()
        assert (found[0x0112], found[0x011A], found[0x010F]) == (6, 300 * factor, "Maker")


def test_a_jpeg_without_resolution_claims_none(tmp_path: Path) -> None:
    Image.fromarray(SMOOTH).save(tmp_path / "a.jpg")
    assert "dpi" not in rewritten(tmp_path / "a.jpg", "JPEG").info


def test_a_print_is_left_alone(tmp_path: Path) -> None:
    Image.fromarray(SMOOTH).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(NotAnImage, match="CMYK"):
        open_raster(tmp_path / "a.jpg", "JPEG")


@pytest.mark.parametrize(("mode", "channels", "result"), [
    ("1", 1, "L"), ("L", 1, "L"), ("P", 3, "RGB"), ("RGB", 3, "RGB"),
])  # fmt: skip
def test_a_bmp_of_any_mode(tmp_path: Path, mode: str, channels: int, result: str) -> None:
    source = Image.fromarray(RNG.integers(0, 256, (7, 9, 4), dtype=np.uint8))
    source = source.convert("RGB").quantize(20) if mode == "P" else source.convert(mode)
    source.save(tmp_path / "a.bmp", dpi=(254, 508))
    assert open_raster(tmp_path / "a.bmp", "BMP").channels == channels
    for factor in (1, 2):
        written = rewritten(tmp_path / "a.bmp", "BMP", factor)
        assert written.mode == result
        assert written.info["dpi"] == pytest.approx((254 * factor, 508 * factor), abs=0.02)
    np.testing.assert_array_equal(np.asarray(rewritten(tmp_path / "a.bmp", "BMP")), np.asarray(source.convert(result)))


def test_the_alpha_of_a_bmp(tmp_path: Path) -> None:
    # BITMAPV4HEADER, BI_BITFIELDS: the masks say where red, green, blue and alpha are
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0) + masks + bytes(52)
    pixels = bytes([3, 2, 1, 0, 6, 5, 4, 100])
    (tmp_path / "a.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 130, 0, 0, 122) + header + pixels)
    assert open_raster(tmp_path / "a.bmp", "BMP").channels == 3
    assert np.asarray(rewritten(tmp_path / "a.bmp", "BMP")).tolist() == [[[1, 2, 3, 0], [4, 5, 6, 100]]]
    assert np.asarray(rewritten(tmp_path / "a.bmp", "BMP", 2))[0, :, 3].tolist() == [0, 25, 75, 100]


def test_the_profile_of_a_bmp(tmp_path: Path) -> None:
    pixels = bytes([3, 2, 1, 0])  # B G R and a byte to fill the row
    header = struct.pack("<IiiHHIIiiII", 124, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
    header += bytes(16) + b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 124 + 4, len(SRGB), 0)
    file = b"BM" + struct.pack("<IHHI", 14 + 124 + 4 + len(SRGB), 0, 0, 14 + 124) + header + pixels + SRGB
    (tmp_path / "a.bmp").write_bytes(file)
    written = rewritten(tmp_path / "a.bmp", "BMP")
    assert written.info["icc_profile"] == SRGB and np.asarray(written).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("kind", ["JPEG", "BMP"])
def test_a_cut_off_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    Image.fromarray(RNG.integers(0, 256, (50, 60), dtype=np.uint8)).save(path, format=kind)
    whole = path.read_bytes()
    for length in range(3, len(whole) - 3, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="intact copy"):
            open_raster(path, kind).read()
