# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monai_gradprom.datasets import folder_datalist, read_datalist
from monai_gradprom.errors import InputError


def datalist(folder: Path, **lists: object) -> Path:
    path = folder / "datalist.json"
    path.write_text(json.dumps(lists))
    return path


def test_paths_are_looked_up_from_the_file(tmp_path: Path) -> None:
    path = datalist(tmp_path, training=[{"image": "in/a.png", "label": "clean/a.png", "segmentation": "m/a.png"}])
    (item,) = read_datalist(path, "training")
    assert item == {
        "id": "in/a",
        "image": str(tmp_path / "in" / "a.png"),
        "label": str(tmp_path / "clean" / "a.png"),
        "segmentation": str(tmp_path / "m" / "a.png"),
    }


def test_what_is_absent_is_filled_in(tmp_path: Path) -> None:
    path = datalist(tmp_path, testing=["a.nii.gz", {"image": "b.mhd", "frame": 2}, {"image": "/far/c.png", "id": 7}])
    first, second, third = read_datalist(path, "testing")
    assert first["label"] == first["image"] and first["id"] == "a"
    assert second["id"] == "b_frame0002"
    assert third["image"] == third["label"] == "/far/c.png" and third["id"] == "7"


def test_other_entries_pass_through_even_if_a_file_has_their_name(tmp_path: Path) -> None:
    (tmp_path / "scanner1").mkdir()
    path = datalist(tmp_path, training=[{"image": "a.png", "id": "scanner1", "site": "scanner1", "age": 40}])
    (item,) = read_datalist(path, "training")
    assert (item["id"], item["site"], item["age"]) == ("scanner1", "scanner1", 40)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"training": [', "no valid JSON"),
        ("[]", 'no list "training"'),
        ('{"validation": [{"image": "a.png"}]}', 'no list "training"'),
        ('{"training": []}', 'no list "training"'),
        ('{"training": [{"image": "a.png"}, {"label": "b.png"}]}', 'entry 1 .* no "image"'),
        ('{"training": [{"image": "x/a.png"}, {"image": "x/a.tif"}]}', "id 'x/a' twice"),
    ],
)
def test_mistakes_name_the_file_and_the_place(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        read_datalist(path, "training")
    assert str(path) in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        read_datalist(tmp_path / "none.json", "training")


def test_a_folder_at_any_depth(tmp_path: Path, write_image: Callable[[Path, tuple], None]) -> None:
    (tmp_path / "p1" / "deep").mkdir(parents=True)
    write_image(tmp_path / "p1" / "x.nii.gz", (6, 5))
    write_image(tmp_path / "p1" / "x_gt.nii.gz", (6, 5))
    write_image(tmp_path / "p1" / "deep" / "y.mhd", (6, 5, 1))
    for name in ("b.PNG", "a 1%.jpg", "._a.png", "notes.txt", "c.raw"):
        (tmp_path / name).write_text("never opened")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "d.png").write_text("hidden")
    items = folder_datalist(tmp_path)
    assert [item["id"] for item in items] == ["a 1%", "b", "p1/deep/y", "p1/x"]
    assert items[3] == {"id": "p1/x", "image": f"{tmp_path}/p1/x.nii.gz", "label": f"{tmp_path}/p1/x.nii.gz"}


def test_sequences_become_frames(tmp_path: Path, write_image: Callable[[Path, tuple], None]) -> None:
    write_image(tmp_path / "beat.nii.gz", (6, 5, 3))
    items = folder_datalist(tmp_path)
    assert [(item["id"], item["frame"]) for item in items] == [(f"beat_frame000{i}", i) for i in range(3)]


def test_files_that_differ_in_their_suffix_alone_keep_it(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        (tmp_path / name).write_text("never opened")
    assert {item["id"] for item in folder_datalist(tmp_path)} == {"a.png", "a.jpg"}


def test_an_unreadable_header_is_left_to_the_loader(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_text("no header")
    assert [item["id"] for item in folder_datalist(tmp_path)] == ["a"]


def test_no_folder_and_no_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        folder_datalist(tmp_path / "none")
    with pytest.raises(InputError, match="holds no image"):
        folder_datalist(tmp_path)
