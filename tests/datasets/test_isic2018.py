# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.datasets import isic2018_datalist
from monai_gradprom.errors import InputError

SUBSETS = ("training", "validation", "testing")
NAMES = [f"ISIC_{n:07d}" for n in range(20)]


def images(root: Path, part: str, names: list[str], masks: bool = True) -> None:
    folder, truth = root / f"ISIC2018_Task1-2_{part}_Input", root / f"ISIC2018_Task1_{part}_GroundTruth"
    folder.mkdir(parents=True)
    truth.mkdir()
    for name in names:
        Image.new("RGB", (4, 3)).save(folder / f"{name}.jpg")
        if masks:
            Image.new("L", (4, 3)).save(truth / f"{name}_segmentation.png")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The training folder with what else lies in such folders."""
    root = tmp_path / "isic"
    images(root, "Training", NAMES)
    folder = root / "ISIC2018_Task1-2_Training_Input"
    for name in ("ATTRIBUTION.txt", "LICENSE.txt", "ISIC_0000000_superpixels.png", "._ISIC_0000001.jpg", "Thumbs.jpg"):
        (folder / name).write_bytes(b"x")
    (folder / "thumbnails").mkdir()
    Image.new("RGB", (1, 1)).save(folder / "thumbnails" / "ISIC_0000099.jpg")
    return root


def table(root: Path, text: str, name: str = "diagnosis.csv") -> Path:
    (root / name).write_text(text, encoding="utf-8")
    return root / name


def ids(root: Path, subset: str, **options: object) -> list[str]:
    return [item["id"] for item in isic2018_datalist(root, subset, **options)]


def test_an_item_says_everything(archive: Path) -> None:
    table(archive, "image_id,diagnosis,split\nISIC_0000004,bkl,val\n")
    (item,) = isic2018_datalist(archive, "validation")
    image = str(archive / "ISIC2018_Task1-2_Training_Input" / "ISIC_0000004.jpg")
    mask = str(archive / "ISIC2018_Task1_Training_GroundTruth" / "ISIC_0000004_segmentation.png")
    assert item == {"id": "ISIC_0000004", "image": image, "label": image, "segmentation": mask, "diagnosis": 2}


def test_the_official_folders_are_the_official_split(archive: Path) -> None:
    images(archive, "Validation", ["ISIC_1000000"])
    images(archive, "Test", ["ISIC_2000000", "ISIC_2000001"], masks=False)
    table(archive, "image_id,diagnosis,split\nISIC_0000000,NV,test\n")  # folders come first
    assert ids(archive, "training") == NAMES
    assert ids(archive, "validation") == ["ISIC_1000000"]
    testing = isic2018_datalist(archive, "testing")
    assert [item["id"] for item in testing] == ["ISIC_2000000", "ISIC_2000001"]
    assert not any("segmentation" in item for item in testing)


def test_without_folders_the_split_column_is_the_split(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [f"{name},NV,{part}" for name, part in zip(NAMES, ["train"] * 12 + ["val", "Test"] * 3, strict=False)]
    table(archive, "\n".join(["image_id,diagnosis,split", *rows]))
    assert ids(archive, "training") == NAMES[:12]
    assert ids(archive, "validation") == NAMES[12:18:2]
    assert ids(archive, "testing") == NAMES[13:18:2]
    assert "2 rows of images in the split column" in caplog.text


def test_no_official_split_has_a_remedy(archive: Path) -> None:
    for subset in SUBSETS:
        with pytest.raises(InputError, match=r"lacks ISIC2018_Task1-2_.*--split paper"):
            isic2018_datalist(archive, subset)
    images(archive, "Test", ["ISIC_2000000"])
    assert len(ids(archive, "training")) == 20 and ids(archive, "testing") == ["ISIC_2000000"]
    with pytest.raises(InputError, match=r"lacks ISIC2018_Task1-2_Validation_Input.*--split paper"):
        isic2018_datalist(archive, "validation")


def test_the_paper_s_split_is_80_20_and_follows_the_seed(archive: Path) -> None:
    images(archive, "Test", ["ISIC_2000000"])
    parts = {s: ids(archive, s, split="paper", seed=7) for s in SUBSETS}
    order = np.random.RandomState(7).permutation(NAMES)
    assert parts["testing"] == sorted(order[:4])
    assert parts["validation"] == sorted(order[4:5])
    assert parts["training"] == sorted(order[5:])
    assert ids(archive, "testing", split="paper", seed=8) != parts["testing"]
    with pytest.raises(InputError, match="seed is -1"):
        isic2018_datalist(archive, "testing", split="paper", seed=-1)


def test_what_is_missing_is_counted(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in NAMES[:3]:
        (archive / "ISIC2018_Task1_Training_GroundTruth" / f"{name}_segmentation.png").unlink()
    table(
        archive,
        "image_id,diagnosis\n" + "".join(f"{n},{d}\n" for n, d in zip(NAMES, ["", "SCC", "MEL"] * 5, strict=False)),
    )
    with caplog.at_level(logging.INFO):
        items = [item for s in SUBSETS for item in isic2018_datalist(archive, s, split="paper")]
    assert sum("segmentation" in item for item in items) == 17
    known = {item["id"]: item["diagnosis"] for item in items if "diagnosis" in item}
    assert known == dict.fromkeys(NAMES[2:15:3], 0)
    counts = [m.split("missing: ")[1] for m in caplog.messages if "missing" in m]
    assert sum(int(c.split(" masks")[0]) for c in counts if "masks" in c) == 3
    assert sum(int(c.split(" diagnoses")[0].split()[-1]) for c in counts if "diagnoses" in c) == 15


@pytest.mark.parametrize(
    ("header", "row", "index"),
    [
        ("image,MEL,NV,BCC,AKIEC,BKL,DF,VASC", "ISIC_0000001,0.0,1.0,0.0,0.0,0.0,0.0,0.0", 1),
        ("image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK", "ISIC_0000001_downsampled,0,0,0,0,1,0,0,0,0", 2),
        ("image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK", "ISIC_0000001,0,0,0,0,0,0,0,0,1", None),
        ("image,MEL,NV,BCC,AKIEC,BKL,DF,VASC", "ISIC_0000001,,,,,,,", None),
        ("Image_ID , Diagnosis", "isic_0000001, mel ", 0),
        ("\ufeffimage_id,age,diagnosis", "ISIC_0000001,50,NV", 1),
    ],
)
def test_tables_of_every_kind(archive: Path, header: str, row: str, index: int | None) -> None:
    path = table(archive.parent, f"{header}\n{row}\n")
    items = [i for s in SUBSETS for i in isic2018_datalist(archive, s, split="paper", diagnosis_csv=path)]
    assert [i["diagnosis"] for i in items if "diagnosis" in i] == ([] if index is None else [index])


def test_the_caller_says_which_diagnoses_count(archive: Path) -> None:
    table(archive, "image_id,diagnosis\nISIC_0000001,DF\nISIC_0000002,MEL\n")
    items = [i for s in SUBSETS for i in isic2018_datalist(archive, s, split="paper", diagnoses=["NV", "DF"])]
    assert {i["id"]: i["diagnosis"] for i in items if "diagnosis" in i} == {"ISIC_0000001": 1}


def test_the_table_is_found_where_the_archive_of_task_3_unpacks_and_other_tables_do_not_count(archive: Path) -> None:
    table(archive, "image,age_approx,sex\nISIC_0000001,50,male\n", "ISIC_2019_Training_Metadata.csv")
    nested = archive / "ISIC2018_Task3_Training_GroundTruth"
    nested.mkdir()
    table(nested, "image,MEL,NV\nISIC_0000001,1,0\n", "ISIC2018_Task3_Training_GroundTruth.csv")
    items = [i for s in SUBSETS for i in isic2018_datalist(archive, s, split="paper")]
    assert {i["id"]: i["diagnosis"] for i in items if "diagnosis" in i} == {"ISIC_0000001": 0}


def test_bad_tables_get_one_sentence(archive: Path) -> None:
    for text, message in (
        ("name,diagnosis\na,MEL\n", "has the columns name, diagnosis"),
        ("image_id,melanoma\nISIC_0000001,1\n", "give one with image_id,diagnosis"),
        ("", "has the columns none"),
        ("image_id,diagnosis\nISIC_0000001,MEL\nISIC_0000001,NV\n", "both 'MEL' and 'NV'"),
    ):
        with pytest.raises(InputError, match=message):
            isic2018_datalist(archive, "training", split="paper", diagnosis_csv=table(archive.parent, text))
    with pytest.raises(InputError, match="cannot be read"):
        isic2018_datalist(archive, "training", split="paper", diagnosis_csv=archive / "none.csv")
    for name in "ab":
        table(archive, "image_id,diagnosis\nISIC_0000001,MEL\n", f"{name}.csv")
    with pytest.raises(InputError, match=r"a\.csv, b\.csv.*--diagnosis_csv"):
        isic2018_datalist(archive, "training", split="paper")


def test_nested_folders_and_the_folder_above(archive: Path) -> None:
    folder = archive / "ISIC2018_Task1-2_Training_Input"
    moved = folder.rename(archive / "moved")
    folder.mkdir()
    moved.rename(folder / folder.name)
    resources = archive.parent / "__MACOSX" / folder.name
    resources.mkdir(parents=True)
    (resources / "ISIC_0000077.jpg").write_bytes(b"x")
    items = [i for s in SUBSETS for i in isic2018_datalist(archive.parent, s, split="paper")]
    assert sorted(i["id"] for i in items) == NAMES and all("segmentation" in i for i in items)


def test_a_wrong_folder_is_named_with_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "database_nifti").mkdir()
    with pytest.raises(InputError, match=r"holds database_nifti, but no ISIC2018_Task1-2_Training_Input.*ISIC 2018"):
        isic2018_datalist(tmp_path, "training")
    with pytest.raises(InputError, match="not a folder"):
        isic2018_datalist(tmp_path / "none", "training")
    with pytest.raises(InputError, match="did you mean 'training'"):
        isic2018_datalist(tmp_path, "train")
