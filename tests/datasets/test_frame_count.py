# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_datasets import write_dicom

from monai_gradprom.datasets import count_frames
from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mhd"])
@pytest.mark.parametrize(("shape", "count"), [((6, 5), 1), ((6, 5, 1), 1), ((6, 5, 3), 3), ((6, 5, 1, 3), 3)])
def test_the_header_is_enough(
    tmp_path: Path, write_image: Callable[[Path, tuple], None], suffix: str, shape: tuple, count: int
) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, shape)
    if suffix == ".mhd":
        path.with_suffix(".raw").unlink()  # only the header is read
    assert count_frames(path) == count


def test_volumes_count_beyond_their_third_axis(tmp_path: Path, write_image: Callable[[Path, tuple], None]) -> None:
    write_image(tmp_path / "a.nii", (6, 5, 4))
    assert count_frames(tmp_path / "a.nii", spatial_dims=3) == 1


def test_pictures_are_single() -> None:
    assert count_frames(Path("never_opened.png")) == 1


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mhd", "missing.nii"])
def test_an_unreadable_header_is_an_input_error(tmp_path: Path, name: str) -> None:
    if not name.startswith("missing"):
        (tmp_path / name).write_text("no header")
    with pytest.raises(InputError, match=name):
        count_frames(tmp_path / name)


def test_frames_of_dicom(tmp_path: Path) -> None:
    assert count_frames(write_dicom(tmp_path / "a", np.zeros((3, 4, 5), np.uint8))) == 3
    assert count_frames(write_dicom(tmp_path / "1.2.5", np.zeros((4, 5), np.uint8))) == 1
    with pytest.raises(NotAnImage):
        count_frames(write_dicom(tmp_path / "b", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"))
