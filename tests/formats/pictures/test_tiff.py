# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.formats.pictures.raster import open_raster
from monai_gradprom.formats.stored import NotAnImage

RNG = np.random.default_rng(0)


def values(dtype: str, *shape: int) -> np.ndarray:
    return (RNG.random(shape) * 250).astype(dtype)


def rewritten(path: Path, factor: int = 1) -> Path:
    image = open_raster(path, "TIFF")
    target = path.with_name(f"x{factor}_{path.name}")
    image.write(target, image.read().repeat(factor, axis=-1).repeat(factor, axis=-2), factor)
    return target


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "uint32", "float64", "int8"])
def test_grey_of_any_type(tmp_path: Path, dtype: str) -> None:
    array = values(dtype, 7, 9)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack")
    image = open_raster(tmp_path / "a.tif", "TIFF")
    assert (image.shape, image.channels, image.frames, image.dtype.name) == ((9, 7), 1, 1, dtype)
    np.testing.assert_array_equal(image.read()[0, 0].T, array)
    info = np.iinfo(dtype) if image.dtype.kind != "f" else None
    assert image.limits == ((info.min, info.max) if info else (-np.inf, np.inf))
    written = imagecodecs.tiff_decode(rewritten(tmp_path / "a.tif").read_bytes())  # by libtiff
    assert written.dtype == array.dtype
    np.testing.assert_array_equal(written, array)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
@pytest.mark.parametrize("separate", [False, True])
def test_colour_however_it_is_packed(tmp_path: Path, compression: str | None, separate: bool) -> None:
    array = values("uint8", 40, 50, 3)
    stored = np.ascontiguousarray(array.transpose(2, 0, 1)) if separate else array
    layout = "separate" if separate else "contig"
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=layout, compression=compression)
    np.testing.assert_array_equal(open_raster(tmp_path / "a.tif", "TIFF").read()[0].transpose(2, 1, 0), array)
    np.testing.assert_array_equal(np.asarray(Image.open(rewritten(tmp_path / "a.tif"))), array)


def test_jpeg_in_tiff_is_written_without_further_loss(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32) * 3, np.arange(48) * 2)[..., None] + np.array([0, 5, 10])
    tifffile.imwrite(tmp_path / "a.tif", smooth.astype(np.uint8), photometric="rgb", compression="jpeg")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.pages[0].photometric.name == "YCBCR"
    written = tifffile.imread(rewritten(tmp_path / "a.tif"))
    assert np.abs(written.astype(int) - smooth).max() < 8  # colours are right, so YCbCr was undone
    np.testing.assert_array_equal(written, open_raster(tmp_path / "a.tif", "TIFF").read()[0].transpose(2, 1, 0))


def test_pages_are_frames_and_read_alone(tmp_path: Path) -> None:
    array = values("uint16", 5, 7, 9)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack")
    image = open_raster(tmp_path / "a.tif", "TIFF")
    assert image.frames == 5
    np.testing.assert_array_equal(image.read(1, 3)[:, 0], array[1:3].transpose(0, 2, 1))
    np.testing.assert_array_equal(tifffile.imread(rewritten(tmp_path / "a.tif"), key=range(5)), array)


@pytest.mark.parametrize(
    ("options", "most"),
    [({}, 1.6), ({"tile": (64, 64), "compression": "zlib"}, 1.6), ({"compression": "zlib"}, 2.1)],  # one strip
)
def test_a_page_is_in_memory_once(tmp_path: Path, options: dict, most: float) -> None:
    """Beside what it is decoded from; a large one has to keep to --memory."""
    page = np.tile(np.arange(200, dtype=np.uint8), (1500, 7))
    tifffile.imwrite(tmp_path / "a.tif", page, metadata=None, **options)
    image = open_raster(tmp_path / "a.tif", "TIFF")
    image.read()
    tracemalloc.start()
    stored = image.read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(stored[0, 0].T, page)
    assert peak < most * page.nbytes


@pytest.mark.parametrize("pages", [1, 2])
def test_a_page_that_decodes_to_another_size_is_refused(tmp_path: Path, pages: int) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        for _ in range(pages):
            out.write(values("uint8", 3, 6, 6), photometric="rgb", planarconfig="separate", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tif.pages[pages - 1].tags["PlanarConfiguration"].overwrite(0)  # neither side by side nor one by one
    image = open_raster(path, "TIFF")
    with pytest.raises(InputError, match=r"a\.tif: a page decodes to .* instead of \(3, 6, 6\); put an intact copy"):
        image.read()


def test_low_is_bright_stays_so(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values("uint8", 7, 9), photometric="miniswhite")
    assert open_raster(tmp_path / "a.tif", "TIFF").inverted
    with tifffile.TiffFile(rewritten(tmp_path / "a.tif")) as tif:
        assert tif.pages[0].photometric.name == "MINISWHITE"


def test_a_palette_becomes_its_colours_and_a_grey_one_grey(tmp_path: Path) -> None:
    source = Image.fromarray(values("uint8", 7, 9, 3)).quantize(30)
    source.save(tmp_path / "c.tif")
    Image.fromarray(values("uint8", 7, 9)).convert("P").save(tmp_path / "g.tif")
    assert open_raster(tmp_path / "g.tif", "TIFF").channels == 1
    written = Image.open(rewritten(tmp_path / "c.tif"))
    assert written.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(written), np.asarray(source.convert("RGB")))
    grey = Image.open(rewritten(tmp_path / "g.tif"))
    assert grey.mode == "L"
    np.testing.assert_array_equal(np.asarray(grey), np.asarray(Image.open(tmp_path / "g.tif").convert("L")))


def test_a_palette_of_true_16_bits_keeps_them(tmp_path: Path) -> None:
    colours = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values("uint8", 7, 9), photometric="palette", colormap=colours)
    image = open_raster(tmp_path / "a.tif", "TIFF")
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image.read()[0].transpose(0, 2, 1), colours[:, tifffile.imread(tmp_path / "a.tif")])


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    array = values("uint8", 7, 9) > 100
    Image.fromarray(array).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.asarray(Image.open(rewritten(tmp_path / "a.tif"))), array * np.uint8(255))


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize(("colours", "kind"), [(3, 1), (3, 2), (1, 0)])
def test_the_extra_sample_is_kept_with_its_meaning(tmp_path: Path, colours: int, kind: int, factor: int) -> None:
    array = values("uint16", 7, 9, colours + 1)
    array[..., -1] = 60_000
    photometric = "rgb" if colours == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, planarconfig="contig", extrasamples=[kind])
    with tifffile.TiffFile(rewritten(tmp_path / "a.tif", factor)) as tif:
        assert [int(k) for k in tif.pages[0].extrasamples] == [kind]
        np.testing.assert_array_equal(tif.pages[0].asarray(), array.repeat(factor, 0).repeat(factor, 1))


def tags(path: Path) -> list[dict]:
    with tifffile.TiffFile(path) as tif:
        return [{tag.code: tag.value for tag in page.tags} for page in tif.pages]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tags_of_every_page_are_kept(tmp_path: Path, order: str, big: bool) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order, bigtiff=big) as out:
        for page in range(2):
            extra = [
                (274, "H", 1, 6, False), (34675, 7, 7, b"profile", False), (33432, "s", 0, "© Müller".encode(), False),
                (65000, "d", 2, (1.5, page), False), (280, "H", 1, 3, False), (285, "s", 0, f"page {page}", False),
            ]  # fmt: skip
            out.write(
                values("uint16", 7, 9), photometric="minisblack", metadata=None, software="Scanner", extratags=extra,
                resolution=((3000, 7), (1000, 7)), resolutionunit=3, description="text",
                datetime="2020:01:02 03:04:05",
            )  # fmt: skip
    for before, after in zip(tags(tmp_path / "a.tif"), tags(rewritten(tmp_path / "a.tif")), strict=True):
        kept = (270, 274, 282, 283, 285, 296, 305, 306, 33432, 34675, 65000)
        assert {code: after[code] for code in kept} == {code: before[code] for code in kept}
        assert 280 not in after  # MinSampleValue was the source's
    assert rewritten(tmp_path / "a.tif").read_bytes()[:2] == {"<": b"II", ">": b"MM"}[order]
    assert tags(rewritten(tmp_path / "a.tif", 2))[1][282] == (6000, 7)


def test_resolution_is_spacing(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values("uint8", 7, 9), resolution=(254, 100), resolutionunit="inch")
    assert np.diag(open_raster(tmp_path / "a.tif", "TIFF").affine) == pytest.approx([-0.1, -0.254, 1, 1])
    finer = open_raster(rewritten(tmp_path / "a.tif", 2), "TIFF")
    assert finer.shape == (18, 14) and np.diag(finer.affine) == pytest.approx([-0.05, -0.127, 1, 1])
    Image.fromarray(values("uint8", 7, 9)).save(tmp_path / "b.tif")
    np.testing.assert_array_equal(open_raster(tmp_path / "b.tif", "TIFF").affine, np.eye(4))


def test_descriptions_that_state_sizes_stay_true(tmp_path: Path) -> None:
    array = values("uint8", 3, 7, 9)
    about = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 4.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", array, ome=True, photometric="minisblack", metadata=about)
    tifffile.imwrite(tmp_path / "b.tif", array, photometric="minisblack", metadata={"axes": "ZYX"})
    with tifffile.TiffFile(rewritten(tmp_path / "a.ome.tif", 2)) as tif:
        assert tif.series[0].shape == (3, 14, 18)
        assert all(text in tif.ome_metadata for text in ('SizeX="0.25"', 'SizeY="0.125"', 'PhysicalSizeZ="4.0"'))
    assert tags(rewritten(tmp_path / "a.ome.tif"))[0][270] == tags(tmp_path / "a.ome.tif")[0][270]
    with tifffile.TiffFile(rewritten(tmp_path / "b.tif", 2)) as tif:
        assert len(tif.pages) == 3 and tif.series[0].shape == (3, 14, 18)
    assert "shape" in tags(tmp_path / "b.tif")[0][270] and 270 not in tags(rewritten(tmp_path / "b.tif", 2))[0]
    assert tags(rewritten(tmp_path / "b.tif"))[0][270] == tags(tmp_path / "b.tif")[0][270]
    tifffile.imwrite(tmp_path / "c.tif", array, photometric="rgb", planarconfig="separate")
    assert "shape" in tags(tmp_path / "c.tif")[0][270] and 270 not in tags(rewritten(tmp_path / "c.tif"))[0]


def test_rewriting_is_repeatable(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values("uint8", 7, 9))
    assert rewritten(tmp_path / "a.tif").read_bytes() == rewritten(tmp_path / "a.tif").read_bytes()


def several_resolutions(path: Path) -> None:
    with tifffile.TiffWriter(path) as out:
        out.write(values("uint8", 64, 64), subifds=1, tile=(16, 16))
        out.write(values("uint8", 32, 32), subfiletype=1, tile=(16, 16))


def reduced_pages(path: Path) -> None:
    with tifffile.TiffWriter(path) as out:
        out.write(values("uint8", 64, 64))
        out.write(values("uint8", 32, 32), subfiletype=1)


def hidden_pages(path: Path) -> None:
    tifffile.imwrite(path, values("uint8", 4, 64, 64), truncate=True, photometric="minisblack")


def many_bands(path: Path) -> None:
    tifffile.imwrite(path, values("uint8", 8, 8, 6), photometric="minisblack", planarconfig="contig")


@pytest.mark.parametrize(("write", "reason"), [
    (several_resolutions, "several resolutions"), (reduced_pages, "several resolutions"),
    (hidden_pages, "no TIFF pages"), (many_bands, "6 samples"),
    (lambda path: tifffile.imwrite(path, np.ones((4, 4), np.complex64)), "sample format"),
    (lambda path: Image.new("CMYK", (4, 4)).save(path), "photometric 5"),
    (lambda path: Image.new("LAB", (4, 4)).save(path), "photometric 8"),
])  # fmt: skip
def test_what_would_lose_something_is_left_alone(tmp_path: Path, write, reason: str) -> None:
    write(tmp_path / "a.tif")
    with pytest.raises(NotAnImage, match=reason):
        open_raster(tmp_path / "a.tif", "TIFF")


def test_pages_of_different_size_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(values("uint8", 7, 9), metadata=None)
        out.write(values("uint8", 9, 9), metadata=None)
    with pytest.raises(InputError, match="2 pages of different size"):
        open_raster(tmp_path / "a.tif", "TIFF")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_cut_off_file_is_refused_without_a_log_line(tmp_path: Path, caplog, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as out:
        for _ in range(3):
            out.write(values("uint8", 20, 30), photometric="minisblack", metadata=None, compression=compression)
    whole = path.read_bytes()
    for length in range(8, len(whole), 61):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="intact copy"):
            open_raster(path, "TIFF").read()
    assert not caplog.records


def test_a_full_disk_is_not_blamed_on_the_source(tmp_path: Path, monkeypatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values("uint8", 7, 9))
    image = open_raster(tmp_path / "a.tif", "TIFF")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tifffile.TiffWriter, "write", full)
    with pytest.raises(OSError, match="No space"):
        image.write(tmp_path / "b.tif", image.read())


def test_without_imagecodecs_plain_files_work_and_others_say_what_to_install(tmp_path: Path) -> None:
    array = values("uint8", 20, 30)
    tifffile.imwrite(tmp_path / "plain.tif", array, compression="zlib", predictor=2)
    tifffile.imwrite(tmp_path / "lzw.tif", array, compression="lzw")
    code = """if True:
        import sys
        from pathlib import Path
        sys.modules["imagecodecs"] = None
        from monai_gradprom.formats.pictures.raster import open_raster
        image = open_raster(Path("plain.tif"), "TIFF")
        image.write(Path("out.tif"), image.read())
        try:
            open_raster(Path("lzw.tif"), "TIFF")
        except Exception as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "install monai-gradprom[clinical]" in done.stdout
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), array)
