# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import struct
import sys
import zlib
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
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(path: Path, size: tuple[int, int], depth: int, kind: int, rows: list[bytes], *extra: tuple, after=()) -> Path:
    """By hand, after the standard: libraries do not write all that it allows."""
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0))]
    parts += [chunk(*e) for e in extra]
    parts += [chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))]
    parts += [chunk(*e) for e in after] + [chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    data, at, found = path.read_bytes(), 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        found.append((kind, body))
        at += length + 12
    return found


def rewritten(path: Path, factor: int = 1) -> Path:
    image = open_raster(path, "PNG")
    frames = image.read().repeat(factor, axis=-1).repeat(factor, axis=-2)
    target = path.with_name(f"x{factor}_{path.name}{image.suffix_added}")
    image.write(target, frames, factor)
    return target


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_pixels_and_alpha_come_back_as_another_library_reads_them(tmp_path: Path, dtype: str, samples: int) -> None:
    array = RNG.integers(0, np.iinfo(dtype).max, (7, 9, samples), endpoint=True).astype(dtype)
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(array if samples > 1 else array[..., 0]))
    image = open_raster(path, "PNG")
    channels = 1 if samples < 3 else 3
    assert (image.shape, image.frames, image.channels, image.dtype) == ((9, 7), 1, channels, np.dtype(dtype))
    assert image.limits == (0, np.iinfo(dtype).max)
    np.testing.assert_array_equal(image.read()[0].transpose(2, 1, 0), array[..., :channels])
    written = imagecodecs.png_decode(rewritten(path).read_bytes()).reshape(array.shape)
    assert written.dtype == array.dtype
    np.testing.assert_array_equal(written, array)


@pytest.mark.parametrize(("depth", "packed", "values"), [
    (1, 0b01011000, [0, 255, 0, 255, 255, 0, 0, 0]),
    (2, 0b00011011, [0, 85, 170, 255]),
    (4, 0x1F, [17, 255]),
])  # fmt: skip
def test_few_bits_are_stretched_as_viewers_show_them(tmp_path: Path, depth: int, packed: int, values: list) -> None:
    path = png(tmp_path / "a.png", (len(values), 1), depth, GREY, [bytes([packed])])
    assert open_raster(path, "PNG").read()[0, 0, :, 0].tolist() == values
    assert np.asarray(Image.open(rewritten(path)))[0].tolist() == values


def test_a_palette_becomes_its_colours_and_a_grey_one_grey(tmp_path: Path) -> None:
    indices = [bytes([0, 1, 2])]
    coloured = png(tmp_path / "c.png", (3, 1), 8, PALETTE, indices, (b"PLTE", bytes([9, 8, 7, 6, 5, 4, 3, 2, 1])))
    grey = png(tmp_path / "g.png", (3, 1), 8, PALETTE, indices, (b"PLTE", bytes([9, 9, 9, 50, 50, 50, 3, 3, 3])))
    assert open_raster(coloured, "PNG").read()[0, :, :, 0].T.tolist() == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    assert open_raster(grey, "PNG").read()[0, :, :, 0].tolist() == [[9, 50, 3]]
    assert Image.open(rewritten(coloured)).mode == "RGB" and Image.open(rewritten(grey)).mode == "L"


def test_a_grey_palette_with_a_colour_profile_is_written_in_colour(tmp_path: Path) -> None:
    profile = (b"iCCP", b"sRGB\0\0" + zlib.compress(SRGB))
    path = png(tmp_path / "g.png", (2, 1), 8, PALETTE, [bytes([0, 1])], profile, (b"PLTE", bytes([9, 9, 9, 5, 5, 5])))
    assert open_raster(path, "PNG").channels == 1
    written = Image.open(rewritten(path))  # PNG 11.3.2.3: an RGB profile belongs to colour images
    assert written.mode == "RGB" and written.info["icc_profile"] == SRGB
    assert np.asarray(written)[0].tolist() == [[9, 9, 9], [5, 5, 5]]


@pytest.mark.parametrize(("kind", "depth", "rows", "extra", "alpha"), [
    (GREY, 8, [bytes([7, 8, 7])], [(b"tRNS", b"\0\7")], [0, 255, 0]),
    (GREY, 2, [bytes([0b00011000])], [(b"tRNS", b"\0\2")], [255, 255, 0]),
    (GREY, 16, [bytes([1, 2, 1, 3, 9, 9])], [(b"tRNS", b"\1\3")], [65535, 0, 65535]),
    (RGB, 8, [bytes([1, 2, 3, 1, 2, 4, 9, 9, 9])], [(b"tRNS", b"\0\1\0\2\0\4")], [255, 0, 255]),
    (RGB, 16, [bytes([*b"\0\1\0\2\0\3", *b"\0\1\0\2\0\4", *b"\1\1\0\2\0\3"])],
     [(b"tRNS", b"\0\1\0\2\0\3")], [0, 65535, 65535]),
    (PALETTE, 8, [bytes([0, 1, 2])], [(b"PLTE", bytes(range(9))), (b"tRNS", bytes([40, 200]))], [40, 200, 255]),
    (PALETTE, 8, [bytes([0, 1, 2])], [(b"PLTE", bytes(9)), (b"tRNS", bytes([40, 200]))], [40, 200, 255]),
])  # fmt: skip
def test_transparent_colours_become_an_alpha_channel(tmp_path, kind, depth, rows, extra, alpha) -> None:
    path = png(tmp_path / "a.png", (3, 1), depth, kind, rows, *extra)
    before = open_raster(path, "PNG").read()
    written = rewritten(path)
    assert imagecodecs.png_decode(written.read_bytes())[0, :, -1].tolist() == alpha
    # a network may give a pixel the value that was transparent: it must not vanish
    assert b"tRNS" not in dict(chunks(written))
    np.testing.assert_array_equal(open_raster(written, "PNG").read(), before)


EXIF = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"  # orientation: rotated


def metadata() -> list[tuple[bytes, bytes]]:
    return [
        (b"gAMA", struct.pack(">I", 45455)), (b"cHRM", bytes(range(32))), (b"iCCP", b"p\0\0" + zlib.compress(SRGB)),
        (b"sBIT", b"\x05"), (b"bKGD", b"\0\1"), (b"pHYs", struct.pack(">IIB", 3000, 1500, 1)), (b"eXIf", EXIF),
        (b"tEXt", b"Title\0caf\xe9"), (b"zTXt", b"Note\0\0" + zlib.compress(b"x" * 99)),
        (b"iTXt", "Site\0\0\0\0\0Zürich".encode()), (b"tIME", bytes([7, 228, 1, 1, 0, 0, 0])),
        (b"orNt", b"kept"), (b"orNT", b"says that it depends on the pixels"),
    ]  # fmt: skip


def test_ancillary_chunks_are_kept_unless_untrue(tmp_path: Path) -> None:
    rows = [bytes([*b"\1\2\3", *b"\4\5\6"])]
    path = png(tmp_path / "a.png", (2, 1), 8, RGB, rows, *metadata(), after=[(b"tEXt", b"Last\0words")])
    written = chunks(rewritten(path))
    untrue = (b"sBIT", b"bKGD", b"tIME", b"orNT")
    assert written[0][0] == b"IHDR" and written[-1] == (b"IEND", b"")
    assert written[1:-3] == [c for c in metadata() if c[0] not in untrue]
    assert written[-3][0] == b"IDAT" and written[-2] == (b"tEXt", b"Last\0words")


def test_a_finer_image_has_finer_resolution_and_interpolated_alpha(tmp_path: Path) -> None:
    rows = [bytes([10, 0, 20, 100])]
    extra = [(b"pHYs", struct.pack(">IIB", 3000, 1500, 1)), (b"sCAL", b"\x01" + b"0.1\x000.1")]
    path = rewritten(png(tmp_path / "a.png", (2, 1), 8, GREY_ALPHA, rows, *extra), factor=2)
    assert dict(chunks(path))[b"pHYs"] == struct.pack(">IIB", 6000, 3000, 1) and b"sCAL" not in dict(chunks(path))
    written = np.asarray(Image.open(path))
    assert written.shape == (2, 4, 2) and written[0, :, 0].tolist() == [10, 10, 20, 20]
    # centres of the finer pixels at -0.25, 0.25, 0.75, 1.25 of the coarser
    assert written[..., 1].tolist() == [[0, 25, 75, 100]] * 2


def test_an_aspect_ratio_is_no_resolution(tmp_path: Path) -> None:
    aspect = (b"pHYs", struct.pack(">IIB", 2, 1, 0))
    assert aspect in chunks(rewritten(png(tmp_path / "a.png", (1, 1), 8, GREY, [b"\7"], aspect), factor=2))


def test_rewriting_is_repeatable(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", (2, 1), 8, RGB, [bytes(6)], *metadata())
    assert rewritten(path).read_bytes() == rewritten(path).read_bytes()


def test_an_animation_is_left_alone(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (10, 20)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(NotAnImage, match="animated"):
        open_raster(tmp_path / "a.png", "PNG")


def test_damage_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", (9, 9), 8, GREY, [RNG.bytes(9)] * 9, (b"tEXt", b"a\0b"))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"a\.png.*intact copy"):
            open_raster(path, "PNG")
    for position in range(8, len(whole), 5):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(InputError, match="intact copy"):
            open_raster(path, "PNG").read()


def test_deep_colour_needs_imagecodecs_and_the_message_says_so(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.zeros((2, 2, 3), np.uint16)))
    (tmp_path / "grey.png").write_bytes(imagecodecs.png_encode(np.full((2, 2), 300, np.uint16)))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(InputError, match=r"monai-gradprom\[clinical\]"):
        open_raster(tmp_path / "a.png", "PNG")
    assert (open_raster(tmp_path / "grey.png", "PNG").read() == 300).all()


def test_a_bomb_is_refused_by_its_header(tmp_path: Path, monkeypatch) -> None:
    path = png(tmp_path / "a.png", (100_000, 1_000), 8, GREY, [b""])
    with pytest.raises(InputError, match="89478485"):
        open_raster(path, "PNG")
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert open_raster(path, "PNG").shape == (100_000, 1_000)


def test_frames_that_do_not_fit_are_the_callers_mistake(tmp_path: Path) -> None:
    image = open_raster(png(tmp_path / "a.png", (2, 1), 8, GREY, [bytes(2)]), "PNG")
    for frames in (np.zeros((1, 1, 1, 2), np.uint8), np.zeros((1, 1, 2, 1), np.uint16)):
        with pytest.raises(ValueError, match="Did you mean"):
            image.write(tmp_path / "b.png", frames)
    assert image.read(1).shape == (0, 1, 2, 1) and not (tmp_path / "b.png").exists()


def test_pillow_reads_what_is_written_without_a_word(tmp_path: Path, recwarn) -> None:
    path = rewritten(png(tmp_path / "a.png", (2, 1), 8, RGB, [bytes(6)], *metadata()))
    image = Image.open(io.BytesIO(path.read_bytes()))
    image.load()
    assert image.text["Title"] == "café" and image.text["Site"] == "Zürich" and image.getexif()[0x0112] == 6
    assert not recwarn.list
