# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from pathlib import Path

import pytest

from monai_gradprom.datasets import camus_datalist
from monai_gradprom.errors import InputError
from monai_gradprom.transforms import LoadClinicalImaged


def patients(items: list[dict]) -> set[str]:
    return {item["patient"] for item in items}


def test_the_official_split(nifti_archive: Path) -> None:
    found = {s: patients(camus_datalist(nifti_archive, s)) for s in ("training", "validation", "testing")}
    assert found["training"] == {f"patient{i:04d}" for i in range(1, 8)}
    assert found["validation"] == {"patient0008"}
    assert found["testing"] == {"patient0009", "patient0010"}


def test_an_item_says_everything(nifti_archive: Path) -> None:
    (item,) = camus_datalist(nifti_archive, "validation", views="4CH", phases="ES")
    stem = nifti_archive / "database_nifti" / "patient0008" / "patient0008_4CH_ES"
    assert item == {
        "id": "patient0008/patient0008_4CH_ES",
        "image": f"{stem}.nii.gz",
        "label": f"{stem}.nii.gz",
        "segmentation": f"{stem}_gt.nii.gz",
        "patient": "patient0008",
        "view": "4CH",
        "phase": "ES",
        "quality": "Medium",
    }


def test_the_database_folder_itself_will_do(nifti_archive: Path) -> None:
    assert camus_datalist(nifti_archive / "database_nifti", "testing") == camus_datalist(nifti_archive, "testing")


def test_ids_are_unique_and_do_not_depend_on_where_the_archive_lies(nifti_archive: Path, tmp_path: Path) -> None:
    before = [item["id"] for item in camus_datalist(nifti_archive, "training")]
    assert len(set(before)) == len(before) == 7 * 2 * 2
    moved = nifti_archive.rename(tmp_path / "elsewhere")
    assert [item["id"] for item in camus_datalist(moved, "training")] == before


def test_every_item_loads(nifti_archive: Path, mhd_archive: Path) -> None:
    load = LoadClinicalImaged(["image", "label", "segmentation"], allow_missing_keys=True)
    items = camus_datalist(nifti_archive, "validation") + camus_datalist(mhd_archive, "training", split="paper")
    items += camus_datalist(nifti_archive, "validation", frames="half_sequence")
    items += camus_datalist(mhd_archive, "training", split="paper", frames="half_sequence")
    for item in items:
        assert load(item)["image"].shape == (1, 6, 5)


def test_the_paper_split_is_ninety_to_ten_seeded_and_complete(nifti_archive: Path) -> None:
    for extra in range(11, 41):
        (nifti_archive / "database_nifti" / f"patient{extra:04d}").mkdir()
        source = nifti_archive / "database_nifti" / "patient0001" / "patient0001_2CH_ED.nii.gz"
        copy = nifti_archive / "database_nifti" / f"patient{extra:04d}" / f"patient{extra:04d}_2CH_ED.nii.gz"
        copy.write_bytes(source.read_bytes())

    def split(seed: int) -> list[set[str]]:
        subsets = ("training", "validation", "testing")
        return [patients(camus_datalist(nifti_archive, s, split="paper", seed=seed)) for s in subsets]

    parts = split(0)
    assert [len(part) for part in parts] == [34, 2, 4]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert split(0) == parts and split(1) != parts


def test_both_folders_of_the_older_release_count(mhd_archive: Path) -> None:
    items = [i for s in ("training", "validation", "testing") for i in camus_datalist(mhd_archive, s, "paper")]
    assert patients(items) == {
        "training/patient0001",
        "training/patient0002",
        "training/patient0003",
        "testing/patient0001",
    }
    ids = [item["id"] for item in items]
    assert len(set(ids)) == len(ids) == 16 and "testing/patient0001/patient0001_2CH_ED" in ids


def test_the_older_release_has_no_official_split(mhd_archive: Path) -> None:
    with pytest.raises(InputError, match="--split paper"):
        camus_datalist(mhd_archive, "training")


def test_every_frame_of_a_sequence(nifti_archive: Path) -> None:
    items = camus_datalist(nifti_archive, "validation", views="2CH", frames="half_sequence")
    assert [item["frame"] for item in items] == [0, 1, 2]
    assert [item["phase"] for item in items] == ["ED", "between", "ES"]  # the cfg counts from 1
    assert len({item["id"] for item in items}) == 3
    assert all(item["segmentation"].endswith("patient0008_2CH_half_sequence_gt.nii.gz") for item in items)


def test_sequences_of_the_older_release(mhd_archive: Path) -> None:
    items = camus_datalist(mhd_archive, "training", split="paper", views="2CH", frames="half_sequence")
    assert len(items) == 3 * len(patients(items)) and all("segmentation" not in item for item in items)


def test_views_phases_and_quality_filter(nifti_archive: Path) -> None:
    assert {i["view"] for i in camus_datalist(nifti_archive, "training", views=["2CH"])} == {"2CH"}
    assert {i["phase"] for i in camus_datalist(nifti_archive, "training", phases="ED")} == {"ED"}
    good = camus_datalist(nifti_archive, "training", quality=["Good", "Poor"])
    assert patients(good) == {f"patient{i:04d}" for i in (1, 3, 4, 6, 7)}
    assert {item["quality"] for item in good} == {"Good", "Poor"}


def test_gaps_are_counted_in_one_line_and_not_fatal(nifti_archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    base = nifti_archive / "database_nifti"
    (base / "patient0001" / "patient0001_2CH_ED.nii.gz").unlink()
    (base / "patient0002" / "patient0002_2CH_ED_gt.nii.gz").unlink()
    (base / "patient0002" / "patient0002_2CH_ES_gt.nii.gz").unlink()
    for view in ("2CH", "4CH"):
        (base / "patient0003" / f"Info_{view}.cfg").unlink()
    (base / "patient0003" / "Info_4CH.cfg").write_bytes(b"\xff\xfe\x00garbage")
    with (nifti_archive / "database_split" / "subgroup_training.txt").open("a") as file:
        file.write("patient0999\n")
    with caplog.at_level(logging.INFO, logger="monai_gradprom.datasets"):
        items = camus_datalist(nifti_archive, "training")
    assert len(items) == 27
    assert sum("segmentation" not in item for item in items) == 2
    assert {item["quality"] for item in items if item["patient"] == "patient0003"} == {"unknown"}
    (record,) = caplog.records
    message = record.getMessage()
    assert record.levelno == logging.WARNING and "27 frames of 7 patients" in message
    for gap in ("1 patients", "1 frames", "2 masks", "2 Info_*.cfg"):
        assert gap in message


def test_a_complete_archive_gives_no_warning(nifti_archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="monai_gradprom.datasets"):
        camus_datalist(nifti_archive, "training")
    assert [r.levelno for r in caplog.records] == [logging.INFO] and "missing" not in caplog.text


def test_quality_without_cfg_drops_and_counts(nifti_archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    (nifti_archive / "database_nifti" / "patient0001" / "Info_2CH.cfg").unlink()
    items = camus_datalist(nifti_archive, "training", quality="Good")
    assert {i["view"] for i in items if i["patient"] == "patient0001"} == {"4CH"}
    assert "1 views without a known ImageQuality" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": "train"}, "did you mean 'training'"),
        ({"split": "offical"}, "did you mean 'official'"),
        ({"views": ["3CH"]}, "views '3CH'"),
        ({"phases": "EDD"}, "did you mean 'ED'"),
        ({"frames": "all"}, "half_sequence"),
        ({"quality": "good"}, "did you mean 'Good'"),
        ({"subset": "validation", "quality": "Good"}, "no validation frame"),
    ],
)
def test_mistakes_are_answered(nifti_archive: Path, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        camus_datalist(nifti_archive, **{"subset": "training", **options})


def test_a_folder_that_is_no_camus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        camus_datalist(tmp_path / "nowhere", "training")
    with pytest.raises(InputError, match="holds nothing"):
        camus_datalist(tmp_path, "training")
    (tmp_path / "isic").mkdir()
    with pytest.raises(InputError, match=r"holds isic.*unpacked CAMUS archive"):
        camus_datalist(tmp_path, "training")
