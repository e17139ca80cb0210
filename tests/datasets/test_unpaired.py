# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.datasets import (
    camus_datalist,
    camus_unpaired_datalist,
    high_quality_items,
    unpaired_items,
    write_datalist,
)
from monai_gradprom.errors import InputError

SUBSETS = ("training", "validation", "testing")


def patients(items: list[dict]) -> set[str]:
    return {item["patient"] for item in items}


def grade(archive: Path, patient: str, view: str, quality: str) -> None:
    cfg = archive / "database_nifti" / patient / f"Info_{view}.cfg"
    cfg.write_text(cfg.read_text().replace("ImageQuality: Good", f"ImageQuality: {quality}"))


def test_each_view_goes_to_the_side_of_its_grade_within_its_subset(nifti_archive: Path) -> None:
    grade(nifti_archive, "patient0001", "4CH", "Poor")  # of one patient, one view is poor
    poor, good = (f(nifti_archive, "training") for f in (camus_unpaired_datalist, high_quality_items))
    expected = {("patient0001", "4CH"), *((f"patient{i:04d}", view) for i in (3, 6) for view in ("2CH", "4CH"))}
    assert {(item["patient"], item["view"]) for item in poor} == expected
    assert {item["quality"] for item in poor} == {"Poor"} and {item["quality"] for item in good} == {"Good", "Medium"}
    assert {item["id"] for item in poor + good} == {item["id"] for item in camus_datalist(nifti_archive, "training")}
    assert all(item["label"] == item["image"] and "segmentation" in item for item in poor)
    # nobody who is tested on guides the training
    testing = camus_unpaired_datalist(nifti_archive, "testing") + high_quality_items(nifti_archive, "testing")
    assert patients(testing) == {"patient0009", "patient0010"} and not patients(testing) & patients(poor + good)


def test_other_grades_can_be_the_sides(nifti_archive: Path) -> None:
    options = {"low_quality": ["Poor", "Medium"], "high_quality": "Good", "phases": "ED"}
    assert {item["quality"] for item in camus_unpaired_datalist(nifti_archive, "training", **options)} == {
        "Poor",
        "Medium",
    }
    good = high_quality_items(nifti_archive, "training", **options)
    assert {(item["quality"], item["phase"]) for item in good} == {("Good", "ED")}


def test_drawn_sides_need_no_grades_and_share_no_patient(nifti_archive: Path) -> None:
    for cfg in nifti_archive.rglob("Info_*.cfg"):
        cfg.unlink()
    sides = {
        s: [f(nifti_archive, s, sides="drawn", seed=1) for f in (camus_unpaired_datalist, high_quality_items)]
        for s in ("training", "testing")
    }
    for subset, (low, high) in sides.items():
        everybody = patients(camus_datalist(nifti_archive, subset))
        assert patients(low) | patients(high) == everybody and not patients(low) & patients(high)
        assert abs(len(patients(low)) - len(patients(high))) <= 1
    again = camus_unpaired_datalist(nifti_archive, "training", sides="drawn", seed=1)
    others = [camus_unpaired_datalist(nifti_archive, "training", sides="drawn", seed=seed) for seed in range(2, 6)]
    assert again == sides["training"][0] and any(patients(other) != patients(again) for other in others)


def test_an_empty_side_says_what_there_is(nifti_archive: Path) -> None:
    with pytest.raises(InputError, match=r"CAMUS validation has no low-quality image \(it has 4 Medium\).*--low_qual"):
        camus_unpaired_datalist(nifti_archive, "validation")
    for cfg in nifti_archive.rglob("Info_*.cfg"):
        cfg.unlink()
    with pytest.raises(InputError, match=r"no high-quality image \(it has 28 unknown\).*--sides drawn"):
        high_quality_items(nifti_archive, "training")
    with pytest.raises(InputError, match=r"validation has no high-quality image.*two patients are needed"):
        high_quality_items(nifti_archive, "validation", sides="drawn")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_quality": "Medium"}, "'Medium' is in both"),
        ({"low_quality": []}, "one of them is empty"),
        ({"low_quality": "Bad"}, "low_quality 'Bad' is unknown"),
        ({"sides": "random"}, "sides 'random' is unknown"),
    ],
)
def test_grades_and_sides_are_checked(nifti_archive: Path, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        camus_unpaired_datalist(nifti_archive, "training", **options)


def test_one_source_and_only_one(nifti_archive: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="given by nothing: give either"):
        unpaired_items("training")
    with pytest.raises(InputError, match="given by --dataset_dir and --low_quality_dir"):
        unpaired_items("training", dataset_dir=nifti_archive, low_quality_dir=tmp_path)
    with pytest.raises(InputError, match="side 'good' is unknown"):
        unpaired_items("training", "good", dataset_dir=nifti_archive)


def test_a_datalist_says_which_side(nifti_archive: Path, tmp_path: Path) -> None:
    # what `monai-gradprom prepare camus` writes carries CAMUS's grades
    path = tmp_path / "camus.json"
    write_datalist(path, {subset: camus_datalist(nifti_archive, subset) for subset in SUBSETS})
    for side, direct in (("low", camus_unpaired_datalist), ("high", high_quality_items)):
        listed = unpaired_items("training", side, datalist=path)
        assert [item["image"] for item in listed] == [item["image"] for item in direct(nifti_archive, "training")]
    own = tmp_path / "own.json"
    own.write_text(
        json.dumps({"training": [{"image": "a.png", "quality": "low"}, {"image": "b.png", "quality": "HIGH"}, "c.png"]})
    )
    assert [item["id"] for item in unpaired_items("training", "low", datalist=own)] == ["a"]
    assert [item["id"] for item in unpaired_items("training", "high", datalist=own)] == ["b"]
    own.write_text(json.dumps({"training": ["c.png"]}))
    with pytest.raises(InputError, match=r'no low-quality image \(it has 1 unknown\): give its entries a "quality" of'):
        unpaired_items("training", datalist=own)


@pytest.fixture
def two_folders(tmp_path: Path) -> dict[str, Path]:
    """Thirty patients with poor images, twenty of them and twenty others with good ones."""
    folders = {"low_quality_dir": tmp_path / "poor", "high_quality_dir": tmp_path / "good"}
    for folder, numbers in zip(folders.values(), (range(30), range(10, 50)), strict=True):
        for number in numbers:
            (folder / f"p{number:02d}").mkdir(parents=True)
            Image.fromarray(np.full((4, 4), number, np.uint8)).save(folder / f"p{number:02d}" / "a.png")
    return folders


def test_of_two_folders_a_patient_falls_to_one_subset_on_both_sides(two_folders: dict[str, Path]) -> None:
    found = {
        (subset, side): {item["id"].split("/")[0] for item in unpaired_items(subset, side, seed=3, **two_folders)}
        for subset in SUBSETS
        for side in ("low", "high")
    }
    counts = {key: len(names) for key, names in found.items()}
    assert [counts[subset, "low"] for subset in SUBSETS] == [25, 2, 3]  # a tenth, a twentieth (1.5, rounded)
    assert sum(counts[subset, "high"] for subset in SUBSETS) == 40 and min(counts.values()) > 0
    for subset in SUBSETS:
        others = [names for (other, _), names in found.items() if other != subset]
        assert not (found[subset, "low"] | found[subset, "high"]) & set().union(*others)


def test_two_folders_that_cannot_be_sides(two_folders: dict[str, Path], tmp_path: Path) -> None:
    low, high = two_folders.values()
    with pytest.raises(InputError, match="are the same folder"):
        unpaired_items("training", low_quality_dir=low, high_quality_dir=low.parent / "." / low.name)
    with pytest.raises(InputError, match="one inside the other"):
        unpaired_items("training", low_quality_dir=low, high_quality_dir=tmp_path)
    with pytest.raises(InputError, match="--high_quality_dir is missing"):
        unpaired_items("training", low_quality_dir=low)
    with pytest.raises(InputError, match=r"--low_quality_dir .*gone' is not a folder"):
        unpaired_items("training", low_quality_dir=tmp_path / "gone", high_quality_dir=high)
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no image"):
        unpaired_items("training", "high", low_quality_dir=low, high_quality_dir=empty)


def test_two_poor_patients_are_too_few(two_folders: dict[str, Path]) -> None:
    for number in range(2, 30):
        shutil.rmtree(two_folders["low_quality_dir"] / f"p{number:02d}")
    with pytest.raises(InputError, match="holds images of 2 patients; three are needed"):
        unpaired_items("training", **two_folders)


def test_too_few_good_patients_are_named(two_folders: dict[str, Path]) -> None:
    for number in range(12, 50):
        shutil.rmtree(two_folders["high_quality_dir"] / f"p{number:02d}")
    with pytest.raises(InputError, match=r"--high_quality_dir .* of 2 patients, which leaves none for"):
        [unpaired_items(subset, "high", **two_folders) for subset in SUBSETS]
