# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import struct
from pathlib import Path
from unittest import mock

import itk
import nibabel as nib
import numpy as np
import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.formats.stored import NotAnImage
from monai_gradprom.formats.volumes.byte_source import PlainBytes
from monai_gradprom.formats.volumes.nifti import open_nifti

RNG = np.random.default_rng(0)
# oblique, left-handed, anisotropic
AFFINE = np.array([[-0.3, 0.05, 0, 5], [0.04, 0.2, 0.1, -7], [0.01, 0, 1.5, 2], [0, 0, 0, 1.0]])


def values(dtype: str, *shape: int) -> np.ndarray:
    return RNG.integers(0, 120, shape).astype(dtype)


def nifti(path: Path, array: np.ndarray, order: str = "<", version: int = 1, **fields: object) -> Path:
    """A file as nibabel writes it."""
    kind = nib.Nifti2Image if version == 2 else nib.Nifti1Image
    image = kind(array, AFFINE, header=kind.header_class(endianness=order))
    image.set_data_dtype(array.dtype)
    image.set_qform(AFFINE, 1, strip_shears=True)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"kept"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a note"))
    for name, value in fields.items():
        image.header[name] = value
    nib.save(image, path)
    return path


def rewritten(path: Path, factor: int = 1, spatial_dims: int = 2) -> Path:
    image = open_nifti(path, spatial_dims)
    frames = image.read()
    for axis in range(2, 2 + spatial_dims):
        frames = frames.repeat(factor, axis)
    target = path.with_name(f"x{factor}_{path.name}")
    image.write(target, frames, factor)
    return target


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(("dtype", "order", "version"), [
    ("uint8", "<", 1), ("int8", "<", 1), ("int16", ">", 1), ("uint16", ">", 2), ("int32", "<", 2), ("float32", "<", 1),
    ("float64", ">", 1), ("int64", "<", 1),
])  # fmt: skip
def test_an_unchanged_file_is_written_byte_for_byte(tmp_path: Path, name: str, dtype: str, order: str, version) -> None:
    array = values(dtype, 9, 7, 5)
    path = nifti(tmp_path / name, array, order, version)
    image = open_nifti(path)
    assert (image.shape, image.frames, image.channels, image.dtype.name) == ((9, 7), 5, 1, dtype)
    assert image.dtype.isnative
    np.testing.assert_array_equal(image.read()[:, 0], np.moveaxis(array, 2, 0))
    unpack = gzip.decompress if name.endswith("gz") else bytes
    assert unpack(rewritten(path).read_bytes()) == unpack(path.read_bytes())


def test_slices_run_over_z_then_time(tmp_path: Path) -> None:
    array = values("int16", 9, 7, 4, 3)
    image = open_nifti(nifti(tmp_path / "a.nii.gz", array))
    assert image.frames == 12
    for z, t in ((0, 0), (3, 0), (1, 2)):
        np.testing.assert_array_equal(image.read(z + 4 * t, z + 4 * t + 1)[0, 0], array[:, :, z, t])
    volumes = open_nifti(tmp_path / "a.nii.gz", spatial_dims=3)
    assert (volumes.frames, volumes.shape) == (3, (9, 7, 4))
    np.testing.assert_array_equal(volumes.read(1, 3)[:, 0], np.moveaxis(array, 3, 0)[1:])


def test_a_slice_of_a_plain_file_is_read_alone(tmp_path: Path) -> None:
    image = open_nifti(nifti(tmp_path / "a.nii", values("int16", 9, 7, 50)))
    with mock.patch.object(PlainBytes, "at", autospec=True, side_effect=PlainBytes.at) as read:
        image.read(20, 22)
    assert [call.args[2] for call in read.call_args_list] == [2 * 9 * 7 * 2]


def test_singletons_are_kept(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", values("uint8", 9, 7, 1, 3))
    assert open_nifti(path).frames == 3
    assert nib.load(rewritten(path, 2)).shape == (18, 14, 1, 3)


def test_scaling_goes_to_rescale_and_the_written_values_mean_the_same(tmp_path: Path) -> None:
    stored = values("int16", 9, 7, 5)
    image = nib.Nifti1Image(stored * 2.0 - 1024, AFFINE)
    image.header.set_slope_inter(2, -1024)
    image.set_data_dtype("int16")
    raw = image.header.copy()
    with (tmp_path / "a.nii").open("wb") as file:  # nibabel would choose a slope of its own
        raw["vox_offset"], raw["dim"][1:4] = 352, stored.shape
        file.write(raw.binaryblock + bytes(4) + stored.tobytes(order="F"))
    opened = open_nifti(tmp_path / "a.nii")
    assert opened.rescale == (2, -1024) and opened.dtype == np.int16
    np.testing.assert_array_equal(opened.read()[:, 0], np.moveaxis(stored, 2, 0))
    np.testing.assert_array_equal(nib.load(rewritten(tmp_path / "a.nii")).get_fdata(), stored * 2.0 - 1024)


def test_the_header_tells_the_window(tmp_path: Path) -> None:
    assert open_nifti(nifti(tmp_path / "a.nii", values("uint8", 9, 7))).window is None
    path = nifti(tmp_path / "b.nii", values("uint8", 9, 7), cal_min=10.0, cal_max=90.0)
    assert open_nifti(path).window == (10, 90)


def test_the_affine_is_in_millimetres(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", values("uint8", 9, 7, 5))
    np.testing.assert_allclose(open_nifti(path).affine, AFFINE, rtol=1e-6)
    for code, name, unit in ((3, "b.nii", 1e-3), (1, "c.nii", 1e3), (0, "d.nii", 1)):
        path = nifti(tmp_path / name, values("uint8", 9, 7, 5), xyzt_units=code)
        np.testing.assert_allclose(open_nifti(path).affine[:3], AFFINE[:3] * unit, rtol=1e-6)


def rgb(with_alpha: bool = False) -> np.ndarray:
    array = np.zeros((9, 7, 4), dtype=[(name, "u1") for name in ("RGBA" if with_alpha else "RGB")])
    for name in array.dtype.names:
        array[name] = values("uint8", 9, 7, 4)
    return array


def test_colour_as_rgb24_rgba32_and_a_fifth_axis(tmp_path: Path) -> None:
    for alpha in (False, True):
        array = rgb(alpha)
        path = nifti(tmp_path / f"{alpha}.nii.gz", array)
        image = open_nifti(path)
        assert (image.channels, image.frames, image.dtype) == (3, 4, np.uint8)
        np.testing.assert_array_equal(image.read()[2], np.stack([array[c][:, :, 2] for c in "RGB"]))
        assert gzip.decompress(rewritten(path).read_bytes()) == gzip.decompress(path.read_bytes())
    array = values("uint8", 9, 7, 4, 2, 3)
    path = nifti(tmp_path / "v.nii", array)
    image = open_nifti(path)
    assert (image.channels, image.frames) == (3, 8)
    np.testing.assert_array_equal(image.read(6, 7)[0], np.moveaxis(array[:, :, 2, 1], 2, 0))
    assert rewritten(path).read_bytes() == path.read_bytes()
    assert nib.load(rewritten(path, 2)).shape == (18, 14, 4, 2, 3)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_alpha_of_a_finer_volume(tmp_path: Path, spatial_dims: int) -> None:
    array = rgb(with_alpha=True)
    array["A"] = 200
    written = np.asarray(nib.load(rewritten(nifti(tmp_path / "a.nii", array), 2, spatial_dims)).dataobj)
    assert written.shape == (18, 14, 8 if spatial_dims == 3 else 4) and (written["A"] == 200).all()


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("version", [1, 2])
def test_the_field_of_view_of_a_finer_image_is_the_sources(tmp_path: Path, spatial_dims: int, version: int) -> None:
    path = nifti(tmp_path / "a.nii", values("int16", 9, 7, 5), version=version)
    before, after = nib.load(path), nib.load(rewritten(path, 2, spatial_dims))
    finer = np.array([2, 2, 2 if spatial_dims == 3 else 1])
    assert after.shape == tuple(np.array(before.shape) * finer)
    np.testing.assert_allclose(after.header.get_zooms(), np.array(before.header.get_zooms()) / finer, rtol=1e-6)
    for affine in ("get_sform", "get_qform"):
        old, new = (getattr(image.header, affine)() for image in (before, after))
        for corner in np.ndindex(2, 2, 2):
            outer = [n - 0.5 if last else -0.5 for n, last in zip(before.shape, corner, strict=True)]
            outer_new = [(n + 0.5) * f - 0.5 for n, f in zip(outer, finer, strict=True)]
            np.testing.assert_allclose(old @ [*outer, 1], new @ [*outer_new, 1], atol=1e-5)
    for field in ("descrip", "sform_code", "qform_code", "xyzt_units"):
        assert before.header[field] == after.header[field]
    assert [e.get_content() for e in after.header.extensions] == [e.get_content() for e in before.header.extensions]


def test_another_library_finds_the_same_place(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", values("int16", 9, 7, 5))
    image = itk.imread(str(rewritten(path)))
    np.testing.assert_array_equal(itk.array_from_image(image).transpose(2, 1, 0), nib.load(path).get_fdata())


def test_rewriting_is_repeatable_and_says_nothing_of_when(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", values("int16", 9, 7, 5))
    with mock.patch("time.time", return_value=1e9):
        first = rewritten(path).read_bytes()
    assert rewritten(path).read_bytes() == first and b"nii" not in first[:64]
    assert first[:10] == b"\x1f\x8b\x08\0\0\0\0\0" + first[8:10]  # no name, no time


def test_what_is_compressed_stays_so_whatever_its_name(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", values("int16", 9, 7)).rename(tmp_path / "scan")
    assert rewritten(path).read_bytes()[:2] == b"\x1f\x8b"


def test_no_numbers_are_passed_through(tmp_path: Path) -> None:
    array = np.array([[np.nan, np.inf], [-np.inf, 1]], np.float32)
    path = nifti(tmp_path / "a.nii", array)
    np.testing.assert_array_equal(open_nifti(path).read()[0, 0], array)
    assert rewritten(path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("array", "fields", "reason"), [
    (np.zeros((4, 4), np.complex64), {}, "complex64"),
    (values("int16", 4, 4), {"intent_code": 1002}, "labels"),
    (np.zeros((4, 4, 1, 1, 3), np.float32), {"intent_code": 1006}, "no colours"),
    (np.zeros((4, 4, 1, 1, 6), np.float32), {}, "no colours"),
    (np.zeros((4, 4, 1, 1, 1, 2), np.float32), {}, "no colours"),
])  # fmt: skip
def test_what_is_no_picture_is_left_alone(tmp_path: Path, array: np.ndarray, fields: dict, reason: str) -> None:
    with pytest.raises(NotAnImage, match=reason):
        open_nifti(nifti(tmp_path / "a.nii", array, **fields))


def test_a_pair_of_files_and_a_flat_image_for_volumes_are_left_alone(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(values("int16", 4, 4), AFFINE), tmp_path / "a.img")
    with pytest.raises(NotAnImage, match="another file"):
        open_nifti(tmp_path / "a.hdr")
    with pytest.raises(NotAnImage, match="volumes"):
        open_nifti(nifti(tmp_path / "b.nii", values("int16", 4, 4)), spatial_dims=3)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_cut_off_file_is_refused(tmp_path: Path, name: str) -> None:
    path = nifti(tmp_path / name, values("int16", 9, 7, 5))
    whole = path.read_bytes()
    # the last 8 bytes of a gzip file are but its checksum and length
    for length in [*range(0, len(whole), 41), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="intact copy"):
            open_nifti(path).read()


def test_a_header_does_not_become_pixels(tmp_path: Path) -> None:
    raw = bytearray(nifti(tmp_path / "a.nii", values("int16", 9, 7, 5)).read_bytes())
    raw[108:112], raw[348] = struct.pack("<f", 0), 0  # vox_offset, as writers of pairs leave it; no extension
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(InputError, match="begin within its header"):
        open_nifti(tmp_path / "a.nii")


def test_a_wrong_checksum_is_noticed(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", values("int16", 9, 7, 5))
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + struct.pack("<I", 1) + whole[-4:])
    with pytest.raises(InputError, match="intact copy"):
        open_nifti(path).read(4)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii.gz", values("int16", 9, 7, 5))
    data = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<8h", data, 40, 3, 30000, 30000, 30000, 1, 1, 1, 1)
    path.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(InputError, match="stand for 54000000000"):
        open_nifti(path)


def test_a_small_fault_is_mended_for_us_and_kept_in_the_file_without_a_log_line(tmp_path: Path, caplog) -> None:
    path = nifti(tmp_path / "a.nii", values("uint8", 9, 7, 5))
    data = bytearray(path.read_bytes())
    data[83] ^= 0x80  # a negative pixdim[1]
    path.write_bytes(data)
    caplog.clear()
    np.testing.assert_allclose(open_nifti(path).affine, AFFINE, rtol=1e-6)
    assert rewritten(path).read_bytes() == bytes(data) and not caplog.records


def test_nifti_1_cannot_hold_longer_axes(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", values("uint8", 20_000, 1))
    with pytest.raises(InputError, match="NIfTI-2"):
        rewritten(path, 2)
