# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_datasets import write_dicom

from monai_gradprom.datasets import folder_datalist, read_datalist, write_datalist
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


def test_isic_masks_are_passed_over(tmp_path: Path) -> None:
    for name in ("ISIC_1.jpg", "ISIC_1_segmentation.png", "b_Segmentation.png", "segmentation.png"):
        (tmp_path / name).write_bytes(b"x")
    assert [item["id"] for item in folder_datalist(tmp_path)] == ["ISIC_1", "segmentation"]


def test_a_diagnosis_is_an_index_or_a_name(tmp_path: Path) -> None:
    entries = [{"image": f"{n}.png", "diagnosis": d} for n, d in enumerate(["NV", 0, None, "MEL"])]
    path = datalist(tmp_path, diagnoses=["MEL", "NV"], training=[*entries, "x.png"])
    assert [item.get("diagnosis") for item in read_datalist(path, "training")] == [1, 0, None, 0, None]
    assert "diagnosis" not in read_datalist(path, "training")[2]


def test_the_file_s_classes_are_translated_to_the_caller_s(tmp_path: Path) -> None:
    entries = [{"image": "a.png", "diagnosis": "NV"}, {"image": "b.png", "diagnosis": 1}]
    path = datalist(tmp_path, diagnoses=["NV", "MEL"], training=entries)
    assert [item["diagnosis"] for item in read_datalist(path, "training", ["MEL", "BKL", "NV"])] == [2, 0]
    # a class that the caller does not count is unknown
    first, second = read_datalist(path, "training", ["NV", "BKL"])
    assert first["diagnosis"] == 0 and "diagnosis" not in second
    path = datalist(tmp_path, training=entries)
    assert [item["diagnosis"] for item in read_datalist(path, "training", ["MEL", "NV"])] == [1, 1]


@pytest.mark.parametrize("value", [-1, 2, 1.0, True, "nv", "1", [1], {}])
def test_an_impossible_diagnosis_is_named(tmp_path: Path, value: object) -> None:
    path = datalist(tmp_path, diagnoses=["MEL", "NV"], training=["a.png", {"image": "b.png", "diagnosis": value}])
    with pytest.raises(InputError, match=r'entry 1 of "training" has the diagnosis .*0 to 1, or one of MEL, NV'):
        read_datalist(path, "training")


def test_a_name_without_names_and_names_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"entry 0 .* has the diagnosis 'NV'; give a whole number, 0 or more"):
        read_datalist(datalist(tmp_path, training=[{"image": "a.png", "diagnosis": "NV"}]), "training")
    with pytest.raises(InputError, match='"diagnoses" is no list of names'):
        read_datalist(datalist(tmp_path, diagnoses={"NV": 0}, training=["a.png"]), "training")


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    training = [
        {
            "id": "CT_COVID/radiol 100%0",
            "image": str(folder / "radiol 100%0.png"),
            "label": str(tmp_path / "clean" / "é.png"),
            "segmentation": str(folder / "a.mat"),
            "diagnosis": 1,
            "source": "x",
        },
        {"id": "b", "image": "/far/b.nii.gz", "label": "/far/b.nii.gz", "frame": 3},
    ]
    testing = [{"id": "c", "image": str(folder / "c.png"), "label": str(folder / "c.png"), "diagnosis": 0}]
    path = tmp_path / "lists" / "new" / "x.json"
    write_datalist(path, {"training": training, "testing": testing}, ["NonCOVID", "COVID"], split="paper", seed=3)
    assert read_datalist(path, "training") == training
    assert read_datalist(path, "testing") == testing
    content = json.loads(path.read_text())
    assert content["training"][0]["image"] == "../../data/radiol 100%0.png"
    assert (content["diagnoses"], content["split"], content["seed"]) == (["NonCOVID", "COVID"], "paper", 3)


def test_a_datalist_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_datalist(path, {"training": [{"image": str(tmp_path / "a.png")}]})
    before = path.read_text()
    with pytest.raises(TypeError):
        write_datalist(path, {"training": [{"image": str(tmp_path / "a.png"), "what": object()}]})
    assert path.read_text() == before
    write_datalist(path, {"training": []})
    assert json.loads(path.read_text()) == {"training": []}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"x\.json' cannot be written .*choose another place"):
        write_datalist(tmp_path / "file" / "x.json", {"training": []})


def test_dicom_files_whatever_their_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pixels = np.zeros((3, 4, 5), np.uint8)
    for name in ("IM0001", "1.2.840.7", "p1/a.dcm"):
        write_dicom(tmp_path / name, pixels[0])
    write_dicom(tmp_path / "cine", pixels)
    for n, sop_class in enumerate(("88.11", "11.1")):
        write_dicom(tmp_path / f"other{n}", None, SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{sop_class}")
    broken = write_dicom(tmp_path / "broken.dcm", pixels[0])
    broken.write_bytes(broken.read_bytes()[:-10])
    (tmp_path / "notes.txt").write_text("no image")
    items = folder_datalist(tmp_path)
    cine = [f"cine_frame{n:04d}" for n in range(3)]
    assert [item["id"] for item in items] == ["1.2.840.7", "IM0001", "broken", *cine, "p1/a"]
    assert [item.get("frame") for item in items] == [None, None, None, 0, 1, 2, None]
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}: passed over 2 DICOM files that hold no image."
    ]


def test_only_objects_that_are_no_images(tmp_path: Path) -> None:
    write_dicom(tmp_path / "report", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    with pytest.raises(InputError, match="holds no image"):
        folder_datalist(tmp_path)
