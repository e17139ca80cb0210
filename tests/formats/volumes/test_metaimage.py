# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from pathlib import Path

import itk
import numpy as np
import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.formats.stored import NotAnImage
from monai_gradprom.formats.volumes.metaimage import data_files, open_metaimage

RNG = np.random.default_rng(0)


def values(dtype: str, *shape: int) -> np.ndarray:
    return RNG.integers(0, 120, shape).astype(dtype)


def metaimage(path: Path, array: np.ndarray, compressed: bool = False) -> Path:
    """A file as ITK writes it; ``array`` is [..., z, y, x]."""
    image = itk.image_from_array(array)
    dims = array.ndim
    image.SetSpacing([0.3, 0.2, 1.5, 2.0][:dims])
    image.SetOrigin([3.0, 4.0, 5.0, 6.0][:dims])
    if dims == 3:  # turned about all axes
        turn = np.linalg.qr(np.arange(9).reshape(3, 3) + 3 * np.eye(3))[0]
        image.SetDirection(itk.matrix_from_array(turn))
    itk.imwrite(image, str(path), compression=compressed)
    return path


def by_hand(path: Path, array: np.ndarray, *more: str, data: str = "LOCAL", kind: str = "MET_UCHAR") -> Path:
    sizes = array.shape[::-1]
    lines = ["ObjectType = Image", f"NDims = {len(sizes)}", "DimSize = " + " ".join(map(str, sizes)), *more]
    lines += [f"ElementType = {kind}", f"ElementDataFile = {data}"]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode() + (array.tobytes() if data == "LOCAL" else b""))
    return path


def rewritten(path: Path, factor: int = 1, spatial_dims: int = 2) -> Path:
    image = open_metaimage(path, spatial_dims)
    frames = image.read()
    for axis in range(2, 2 + spatial_dims):
        frames = frames.repeat(factor, axis)
    target = path.parent / f"out{factor}" / path.name
    target.parent.mkdir(exist_ok=True)
    image.write(target, frames, factor)
    return target


def to_millimetres(image) -> np.ndarray:
    """Indices to ITK's LPS coordinates, 4 x 4."""
    matrix = np.eye(4)
    matrix[:3, :3] = itk.array_from_matrix(image.GetDirection()) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
@pytest.mark.parametrize(("dtype", "shape"), [
    ("uint8", (7, 9)), ("uint16", (5, 7, 9)), ("int16", (1, 7, 9)), ("float32", (3, 5, 7, 9)), ("float64", (7, 9)),
])  # fmt: skip
def test_an_unchanged_file_is_as_itk_wrote_it(tmp_path: Path, name: str, dtype: str, shape: tuple, compressed) -> None:
    array = values(dtype, *shape)
    path = metaimage(tmp_path / name, array, compressed)
    image = open_metaimage(path)
    assert (image.shape, image.channels, image.dtype.name) == ((9, 7), 1, dtype)
    assert image.frames == array.size // 63
    np.testing.assert_array_equal(image.read()[:, 0].transpose(0, 2, 1).reshape(shape), array)
    written = rewritten(path)
    np.testing.assert_array_equal(itk.array_from_image(itk.imread(str(written))), array)
    header, after = (p.read_bytes().partition(b"ElementDataFile")[0] for p in (path, written))
    if not compressed:
        assert after == header
    assert (b"CompressedData = True" in after) == compressed
    assert sorted(p.name for p in written.parent.iterdir()) == sorted(p.name for p in tmp_path.iterdir() if p.is_file())


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_field_of_view_of_a_finer_image_is_the_sources(tmp_path: Path, spatial_dims: int) -> None:
    path = metaimage(tmp_path / "a.mhd", values("int16", 5, 7, 9))
    before, after = itk.imread(str(path)), itk.imread(str(rewritten(path, 2, spatial_dims)))
    finer = np.array([2, 2, 2 if spatial_dims == 3 else 1])
    assert list(itk.size(after)) == list(np.array(itk.size(before)) * finer)
    np.testing.assert_allclose(np.array(after.GetSpacing()), np.array(before.GetSpacing()) / finer)
    for corner in np.ndindex(2, 2, 2):
        outer = [n - 0.5 if last else -0.5 for n, last in zip(itk.size(before), corner, strict=True)]
        outer_new = [(n + 0.5) * f - 0.5 for n, f in zip(outer, finer, strict=True)]
        np.testing.assert_allclose(to_millimetres(before) @ [*outer, 1], to_millimetres(after) @ [*outer_new, 1])


def test_the_affine_is_itks_in_ras(tmp_path: Path) -> None:
    path = metaimage(tmp_path / "a.mha", values("int16", 5, 7, 9))
    ras = np.diag([-1, -1, 1, 1]) @ to_millimetres(itk.imread(str(path)))
    np.testing.assert_allclose(open_metaimage(path).affine, ras, atol=1e-12)


def test_volumes_over_time(tmp_path: Path) -> None:
    array = values("int16", 3, 5, 7, 9)
    image = open_metaimage(metaimage(tmp_path / "a.mha", array, compressed=True), spatial_dims=3)
    assert (image.frames, image.shape) == (3, (9, 7, 5))
    np.testing.assert_array_equal(image.read(1, 2)[0, 0].transpose(2, 1, 0), array[1])
    with pytest.raises(NotAnImage, match="volumes"):
        open_metaimage(metaimage(tmp_path / "flat.mha", array[0, 0]), spatial_dims=3)


def test_colour_and_alpha(tmp_path: Path) -> None:
    for samples in (3, 4):
        array = values("uint8", 7, 9, samples)
        path = by_hand(tmp_path / "a.mha", array[..., 0], f"ElementNumberOfChannels = {samples}")
        path.write_bytes(path.read_bytes()[:-63] + array.tobytes())  # the samples of a voxel lie side by side
        image = open_metaimage(path)
        assert image.channels == 3
        np.testing.assert_array_equal(image.read()[0].transpose(2, 1, 0), array[..., :3])
        assert rewritten(path).read_bytes() == path.read_bytes()
    finer = np.frombuffer(rewritten(path, 2).read_bytes()[-14 * 18 * 4 :], np.uint8).reshape(14, 18, 4)
    np.testing.assert_array_equal(finer[..., :3], array[..., :3].repeat(2, 0).repeat(2, 1))
    assert (finer[[0, 0, -1, -1], [0, -1, 0, -1], 3] == array[[0, 0, -1, -1], [0, -1, 0, -1], 3]).all()


def test_every_line_is_kept_but_those_that_became_untrue(tmp_path: Path) -> None:
    lines = ["Comment = Größe", "Modality = MET_MOD_CT", "ElementMin = 3", "ElementMax = 99", "Anything = at all"]
    slope = ["ElementToIntensityFunctionSlope = 2", "ElementToIntensityFunctionOffset = -1024"]
    path = by_hand(tmp_path / "a.mha", values("uint8", 7, 9), *lines, *slope, "Position = 1 2")
    image = open_metaimage(path)
    assert image.modality == "CT" and image.rescale == (2, -1024)
    header = rewritten(path).read_bytes().partition(b"ElementDataFile")[0].decode()
    assert [line for line in lines if line not in header] == ["ElementMin = 3", "ElementMax = 99"]
    assert all(line in header for line in slope)
    finer = rewritten(path, 2).read_bytes().partition(b"ElementDataFile")[0].decode()
    # no spacing was given, so 1 mm counts; the place keeps its name
    assert "Position = 0.75 1.75\n" in finer and "ElementSpacing = 0.5 0.5\n" in finer and "\nOffset" not in finer


def test_any_script_in_names_and_comments(tmp_path: Path) -> None:
    array = values("uint8", 7, 9)
    path = metaimage(tmp_path / "größe-患者.mhd", array)  # ITK writes UTF-8
    np.testing.assert_array_equal(open_metaimage(path).read()[0, 0].T, array)
    np.testing.assert_array_equal(itk.array_from_image(itk.imread(str(rewritten(path)))), array)
    # the last byte of the first, and the second in Latin-1, are white space to Python
    for text in ("Comment = voilà".encode(), b"Comment = voil\xe0 \xa0", "Comment = 三\u3000".encode()):
        path = by_hand(tmp_path / "a.mha", array)
        path.write_bytes(path.read_bytes().replace(b"ObjectType = Image", text))
        assert text + b"\n" in rewritten(path).read_bytes()


def test_byte_order_and_a_header_within_the_data_file(tmp_path: Path) -> None:
    array = (values("uint16", 7, 9) * 300).astype(">u2")
    for name, size in (("a.mhd", 10), ("b.mhd", -1)):
        (tmp_path / "v.raw").write_bytes(b"ten bytes!" + array.tobytes())
        more = ["BinaryDataByteOrderMSB = True", f"HeaderSize = {size}"]
        path = by_hand(tmp_path / name, array, *more, data="v.raw", kind="MET_USHORT")
        np.testing.assert_array_equal(open_metaimage(path).read()[0, 0].T, array)
        np.testing.assert_array_equal(itk.array_from_image(itk.imread(str(rewritten(path)))), array)


def test_micrometres(tmp_path: Path) -> None:
    path = by_hand(tmp_path / "a.mha", values("uint8", 7, 9), "ElementSpacing = 500 250", "DistanceUnits = um")
    assert np.diag(open_metaimage(path).affine) == pytest.approx([-0.5, -0.25, 1, 1])


def test_the_data_file_is_named_after_the_header_unless_that_name_is_anothers(tmp_path: Path) -> None:
    path = metaimage(tmp_path / "a.mhd", values("uint8", 7, 9))
    assert data_files(path) == [tmp_path / "a.raw"] and data_files(rewritten(path)) == [tmp_path / "out1" / "a.raw"]
    path.write_text(path.read_text().replace("a.raw", "voxels.bin"))
    shutil.copy(tmp_path / "a.raw", tmp_path / "voxels.bin")
    assert data_files(path) == [tmp_path / "voxels.bin"]
    assert data_files(rewritten(path)) == [tmp_path / "out1" / "a.mhd.raw"]


@pytest.mark.parametrize("where", ["../secret", "sub/v.raw", "/etc/hostname", "..\\secret", "link.raw", "a.mhd", ".."])
def test_a_header_cannot_name_files_elsewhere(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for target in (tmp_path / "secret", folder / "sub" / "v.raw", folder / "..\\secret"):
        target.write_bytes(bytes(63))
    (folder / "link.raw").symlink_to(tmp_path / "secret")
    path = by_hand(folder / "a.mhd", values("uint8", 7, 9), data=where)
    with pytest.raises(InputError, match="not beside it"):
        open_metaimage(path)
    assert data_files(path) == []


@pytest.mark.parametrize("pattern", ["LIST", "LIST 2", "slice%03d.raw 1 5 1"])
def test_slices_in_files_of_their_own_are_refused(tmp_path: Path, pattern: str) -> None:
    path = by_hand(tmp_path / "a.mhd", values("uint8", 7, 9), data=pattern)
    with pytest.raises(InputError, match=r"one \.mha file"):
        open_metaimage(path)
    assert data_files(path) == []


def test_vectors_that_are_no_colours_are_left_alone(tmp_path: Path) -> None:
    array = np.zeros((7, 9), np.float32)
    for count in (2, 3):
        more = f"ElementNumberOfChannels = {count}"
        with pytest.raises(NotAnImage, match="no colours"):
            open_metaimage(by_hand(tmp_path / "a.mha", array, more, kind="MET_FLOAT"))


@pytest.mark.parametrize(("old", "new"), [
    ("DimSize = 9 7", "DimSize = 9"), ("DimSize = 9 7", "DimSize = 9 -7"), ("DimSize = 9 7", "DimSize = nine 7"),
    ("NDims = 2", "NDims = two"), ("MET_UCHAR", "MET_STRING"), ("NDims = 2", "BinaryData = False\nNDims = 2"),
    ("NDims = 2", "NDims = 2\nElementSpacing = 1 nan"), ("LOCAL", "gone.raw"), ("ElementDataFile", "Element"),
    ("DimSize = 9 7", "DimSize = 9 8"),
])  # fmt: skip
def test_a_damaged_header_is_refused_in_a_sentence(tmp_path: Path, old: str, new: str) -> None:
    path = by_hand(tmp_path / "a.mha", values("uint8", 7, 9))
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
    with pytest.raises(InputError, match=r"a\.mha.*; ") as caught:
        open_metaimage(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "compressed"), [("a.mha", False), ("a.mha", True), ("a.mhd", False), ("a.mhd", True)])
def test_cut_off_voxels_are_refused(tmp_path: Path, name: str, compressed: bool) -> None:
    path = metaimage(tmp_path / name, values("int16", 5, 7, 9), compressed)
    cut = (data_files(path) or [path])[0]
    whole = cut.read_bytes()
    for left in (1, 5, 100):
        cut.write_bytes(whole[:-left])
        with pytest.raises(InputError, match="intact copy"):
            open_metaimage(path).read()


def test_rewriting_is_repeatable(tmp_path: Path) -> None:
    path = metaimage(tmp_path / "a.mha", values("int16", 5, 7, 9), compressed=True)
    assert rewritten(path).read_bytes() == rewritten(path).read_bytes()
