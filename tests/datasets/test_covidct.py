# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.datasets import covidct_datalist
from monai_gradprom.errors import InputError

SUBSETS = ("training", "validation", "testing")
COVID = ["2020.01.24.919183-p27-132.png", "radiol 100%0.png", "kjr-21-e24-p1-14.png", "bmj%1.png"]
NON = ["0.png", "1%0.png", "1%1.png", "2.jpg"]


def listed(root: Path, name: str, part: str, names: list[str]) -> None:
    folder = root / "Data-split" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}CT_{name}.txt").write_bytes("\r\n".join([*names, ""]).encode())


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    root = tmp_path / "COVID-CT-master"
    for name, files in (("COVID", COVID), ("NonCOVID", NON)):
        folder = root / "Images-processed" / f"CT_{name}"
        folder.mkdir(parents=True)
        for file in files:
            Image.new("L", (4, 3)).save(folder / file)
        for part, names in (("train", files[:2]), ("val", files[2:3]), ("test", files[3:])):
            listed(root, name, part, names)
    return root


def ids(root: Path, subset: str, **options: object) -> set[str]:
    return {item["id"] for item in covidct_datalist(root, subset, **options)}


def test_the_official_lists(archive: Path) -> None:
    items = covidct_datalist(archive, "training")
    image = str(archive / "Images-processed" / "CT_COVID" / "radiol 100%0.png")
    assert {"id": "CT_COVID/radiol 100%0", "image": image, "label": image, "diagnosis": 1} in items
    assert {i["id"]: i["diagnosis"] for i in items} == {
        "CT_NonCOVID/0": 0,
        "CT_NonCOVID/1%0": 0,
        "CT_COVID/2020.01.24.919183-p27-132": 1,
        "CT_COVID/radiol 100%0": 1,
    }
    assert ids(archive, "validation") == {"CT_COVID/kjr-21-e24-p1-14", "CT_NonCOVID/1%1"}
    assert ids(archive, "testing") == {"CT_COVID/bmj%1", "CT_NonCOVID/2"}


def test_lists_that_differ_from_the_disk(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    listed(archive, "COVID", "train", ["Radiol 100%0.PNG \t", "2020.01.24.919183-p27-132.jpg", "gone.png"])
    listed(archive, "NonCOVID", "train", ["", "0.png", "0.png", "gone too.png"])
    assert ids(archive, "training") == {
        "CT_COVID/radiol 100%0",
        "CT_COVID/2020.01.24.919183-p27-132",
        "CT_NonCOVID/0",
    }
    assert caplog.messages == ["COVID-CT training (official split): 3 images; missing: 2 listed files"]


def test_files_that_differ_in_the_extension_only_are_two(archive: Path) -> None:
    Image.new("L", (4, 3)).save(archive / "Images-processed" / "CT_NonCOVID" / "0.jpg")
    listed(archive, "NonCOVID", "train", ["0.png"])
    listed(archive, "NonCOVID", "test", ["0.jpg"])
    assert "CT_NonCOVID/0.png" in ids(archive, "training") and "CT_NonCOVID/0.jpg" not in ids(archive, "training")
    assert ids(archive, "testing") == {"CT_COVID/bmj%1", "CT_NonCOVID/0.jpg"}


def test_the_paper_s_split_keeps_600_to_146(archive: Path) -> None:
    folder = archive / "Images-processed" / "CT_NonCOVID"
    for n in range(100, 192):
        (folder / f"{n}.png").write_bytes(b"x")
    parts = {s: ids(archive, s, split="paper", seed=3) for s in SUBSETS}
    everything = sorted({f"CT_COVID/{n[:-4]}" for n in COVID} | {f"CT_NonCOVID/{p.stem}" for p in folder.iterdir()})
    order = np.random.RandomState(3).permutation(everything).tolist()
    assert (
        parts
        == {
            "testing": set(order[:20]),  # 146 / 746 of 100
            "validation": set(order[20:25]),
            "training": set(order[25:]),
        }
    )


@pytest.mark.parametrize("lists", [True, False])
def test_zip_files_nest_folders_and_the_folder_above_will_do(archive: Path, lists: bool) -> None:
    folder = archive / "Images-processed" / "CT_COVID"
    inner = folder.rename(archive / "inner")
    folder.mkdir()
    inner.rename(folder / "CT_COVID")
    (archive / "Images-processed" / "__MACOSX" / "CT_COVID").mkdir(parents=True)
    (archive / "Images-processed" / "__MACOSX" / "CT_COVID" / "._x.png").write_bytes(b"x")
    options = {} if lists else {"split": "paper"}
    found = [i for root in (archive, archive.parent) for s in SUBSETS for i in covidct_datalist(root, s, **options)]
    assert len(found) == 2 * 8 and len({i["id"] for i in found}) == 8


def test_images_alone_in_a_folder_will_do_for_the_paper_s_split(archive: Path) -> None:
    root = archive / "Images-processed"
    assert set.union(*(ids(root, s, split="paper") for s in SUBSETS)) == {
        f"CT_{c}/{n[:-4]}" for c, names in (("COVID", COVID), ("NonCOVID", NON)) for n in names
    }
    with pytest.raises(InputError, match=r"lacks Data-split/NonCOVID/trainCT_NonCOVID\.txt.*--split paper"):
        covidct_datalist(root, "training")


def test_wrong_folders_are_named(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="holds nothing, but neither Images-processed/CT_COVID"):
        covidct_datalist(tmp_path / "other", "training")
    packed = tmp_path / "packed" / "Images-processed"
    packed.mkdir(parents=True)
    with zipfile.ZipFile(packed / "CT_COVID.zip", "w") as file:
        file.writestr("CT_COVID/a.png", b"x")
    with pytest.raises(InputError, match=r"CT_COVID\.zip is still packed; unzip it"):
        covidct_datalist(tmp_path / "packed", "training")


def test_classes_are_counted_as_the_user_lists_them(archive: Path) -> None:
    plain, turned = (
        covidct_datalist(archive, "training", diagnoses=d) for d in (["NonCOVID", "COVID"], ["COVID", "NonCOVID"])
    )
    assert [i["id"] for i in plain] == [i["id"] for i in turned]
    assert [i["diagnosis"] for i in turned] == [1 - i["diagnosis"] for i in plain]
    assert all((i["diagnosis"] == 0) == i["id"].startswith("CT_COVID") for i in turned)
    with pytest.raises(InputError, match="COVID-CT knows NonCOVID and COVID only"):
        covidct_datalist(archive, "training", diagnoses=["sick", "well"])
