# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_datasets import write_dicom, write_series

from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.series import open_series, volume_affine


def test_slices_come_in_the_order_of_their_places(tmp_path: Path) -> None:
    slices = write_series(tmp_path)
    write_dicom(tmp_path / "report", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", SeriesInstanceUID="9")
    (tmp_path / "notes.txt").write_text("no DICOM")
    images = open_series(tmp_path)
    assert len(images) == 4
    for image, expected in zip(images, slices, strict=True):
        np.testing.assert_array_equal(image.read()[0, 0].T, expected)
    expected = [[-0.7, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 2.5, 100], [0, 0, 0, 1]]
    np.testing.assert_allclose(volume_affine(tmp_path, images), expected)


def test_an_orientation_of_zeros_is_none(tmp_path: Path) -> None:
    slices = write_series(tmp_path, ImageOrientationPatient=[0] * 6)
    images = open_series(tmp_path)
    np.testing.assert_array_equal([image.read()[0, 0].T for image in images], slices)
    np.testing.assert_allclose(images[0].affine[:3, :2], [[-0.7, 0], [0, -0.5], [0, 0]])


def test_images_at_one_place_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name, number in (("a", 10), ("b", 9), ("c", 100)):
        write_dicom(tmp_path / name, np.full((2, 2), number, np.uint8), InstanceNumber=number)
    images = open_series(tmp_path)
    assert [image.read().max() for image in images] == [9, 10, 100]
    np.testing.assert_array_equal(volume_affine(tmp_path, images), np.eye(4))


def test_an_oblique_series(tmp_path: Path) -> None:
    """Slices along a normal of (0, -0.6, 0.8): sorted along it, not along an axis."""
    orientation = {"ImageOrientationPatient": [1, 0, 0, 0, 0.8, 0.6], "PixelSpacing": [1, 1]}
    for name, step in (("a", 2), ("b", 0), ("c", 1)):
        place = [0, -0.6 * 3 * step, 0.8 * 3 * step]
        write_dicom(tmp_path / name, np.full((2, 2), step, np.uint8), ImagePositionPatient=place, **orientation)
    images = open_series(tmp_path)
    assert [image.read().max() for image in images] == [0, 1, 2]
    np.testing.assert_allclose(volume_affine(tmp_path, images)[:3, 2], [0, 1.8, 2.4])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SeriesInstanceUID": "7.7"}, "2 DICOM series"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "different sizes or types"),
    ],
)
def test_a_mixed_folder_is_refused(tmp_path: Path, change: dict, message: str) -> None:
    write_series(tmp_path)
    write_dicom(tmp_path / "x", np.zeros((5, 6), np.uint16), **change)
    with pytest.raises(InputError, match=message) as caught:
        open_series(tmp_path)
    assert "1.2.3" not in str(caught.value).replace(str(tmp_path), "")


def test_a_gap_and_a_twin_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "gap")
    (tmp_path / "gap" / "1.2.840.899").unlink()
    write_series(tmp_path / "twin")
    raw = (tmp_path / "twin" / "1.2.840.899").read_bytes()
    (tmp_path / "twin" / "again").write_bytes(raw)
    for name in ("gap", "twin"):
        with pytest.raises(InputError, match="not evenly spaced"):
            volume_affine(tmp_path / name, open_series(tmp_path / name))


def test_a_cine_is_no_volume(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a", np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(InputError, match="make no volume"):
        volume_affine(tmp_path, open_series(tmp_path))


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no DICOM image"):
        open_series(tmp_path)
