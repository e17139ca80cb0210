# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from monai_gradprom.datasets.camus_files import find_layout, read_cfg


def test_a_cfg_as_the_archive_has_it(tmp_path: Path) -> None:
    path = tmp_path / "Info_2CH.cfg"
    path.write_text("ED: 1\r\nES: 18\r\nNbFrame: 18\r\nSex: F\r\nImageQuality: Good\r\n\r\nEF: 54\r\n")
    cfg = read_cfg(path)
    assert cfg is not None and cfg["ES"] == "18" and cfg["ImageQuality"] == "Good" and cfg["EF"] == "54"


def test_no_cfg_and_an_empty_one_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "empty.cfg").write_text("")
    assert read_cfg(tmp_path / "empty.cfg") is None
    assert read_cfg(tmp_path / "none.cfg") is None


def test_releases_are_told_apart(nifti_archive: Path, mhd_archive: Path) -> None:
    new, old = find_layout(nifti_archive), find_layout(mhd_archive)
    assert (new.suffix, new.sequence, new.split_dir) == (
        ".nii.gz", "half_sequence", nifti_archive / "database_split"
    )  # fmt: skip
    assert (old.suffix, old.sequence, old.split_dir) == (".mhd", "sequence", None)


def test_one_part_of_the_older_release(mhd_archive: Path) -> None:
    assert sorted(find_layout(mhd_archive / "training").patients) == [f"patient000{i}" for i in (1, 2, 3)]


def test_the_older_release_may_bring_split_files(mhd_archive: Path) -> None:
    (mhd_archive / "database_split").mkdir()
    assert find_layout(mhd_archive).split_dir == mhd_archive / "database_split"
