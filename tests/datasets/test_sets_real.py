# SPDX-License-Identifier: Apache-2.0
"""The real images of ISIC 2018 and COVID-CT, and the stand-in for Lizard, where they are at hand."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from monai_gradprom.datasets import covidct_datalist, isic2018_datalist, lizard_datalist
from monai_gradprom.errors import InputError
from monai_gradprom.transforms import UNKNOWN_NUCLEUS, LoadClinicalImaged

DATA = Path(__file__).parents[3] / "shared" / "data"
SUBSETS = ("training", "validation", "testing")


def folder(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"{name} is not at hand beside the repository")
    return DATA / name


def test_isic2018_is_what_its_table_says() -> None:
    root = folder("isic2018")
    with (root / "diagnosis.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for subset, part in zip(SUBSETS, ("train", "val", "test"), strict=True):
        items = isic2018_datalist(root, subset)
        expected = {r["image_id"]: r["diagnosis"] for r in rows if r["split"] == part}
        named = {i["id"]: ("MEL", "NV", "BKL")[i["diagnosis"]] if "diagnosis" in i else "" for i in items}
        assert named == expected
        assert all("segmentation" in i for i in items)
    paper = [isic2018_datalist(root, s, split="paper") for s in SUBSETS]
    assert [len(part) for part in paper] == [1945, 130, 519]  # 2,594: 20 % and 5 %
    assert len({i["id"] for part in paper for i in part}) == len(list(root.glob("*Input/*.jpg")))


def test_isic2018_masks_lie_on_their_images() -> None:
    load = LoadClinicalImaged(["image", "segmentation"])
    for item in isic2018_datalist(folder("isic2018"), "testing")[::150]:
        out = load(item)
        assert out["image"].shape == (3, *out["segmentation"].shape[1:])
        assert set(out["segmentation"].unique().tolist()) <= {0, 255}
        grey, lesion = out["image"].float().mean(0), out["segmentation"][0] > 0
        assert grey[lesion].mean() < grey[~lesion].mean()  # pigment


def test_covidct_is_what_its_lists_say() -> None:
    root = folder("covid_ct")
    counts = {}
    for subset, part in zip(SUBSETS, ("train", "val", "test"), strict=True):
        items = covidct_datalist(root, subset)
        listed = {
            f"CT_{c}/{name}"
            for c in ("COVID", "NonCOVID")
            for name in (root / "Data-split" / c / f"{part}CT_{c}.txt").read_text().split("\n")
            if name
        }
        assert {f"{Path(i['image']).parent.name}/{Path(i['image']).name}" for i in items} == listed
        assert all(i["diagnosis"] == (Path(i["image"]).parent.name == "CT_COVID") for i in items)
        counts[subset] = Counter(i["diagnosis"] for i in items)
    assert sum(counts.values(), Counter()) == {1: 349, 0: 397}
    assert [len(covidct_datalist(root, s, split="paper")) for s in SUBSETS] == [563, 37, 146]  # 600 / 146


def test_the_stand_in_for_lizard() -> None:
    root = folder("histology_lizard_layout")
    with (root / "info.csv").open(newline="") as file:
        third = {r["Filename"] for r in csv.DictReader(file) if r["Split"] == "3"}
    lists = {s: lizard_datalist(root, s) for s in SUBSETS}
    assert {i["id"] for i in lists["testing"]} == third
    assert sum(map(len, lists.values())) == len(list(root.glob("*/*/*.png"))) == 54
    assert len(lists["validation"]) == round(0.1 * (54 - len(third)))
    assert not any("diagnosis" in i for part in lists.values() for i in part)  # all classes are 0, unknown
    for item in lists["testing"][::8]:
        out = LoadClinicalImaged(["image", "segmentation"], allow_missing_keys=True)(item)
        inst = scipy.io.loadmat(item["segmentation"])["inst_map"]
        np.testing.assert_array_equal(out["segmentation"][0].numpy().T, np.where(inst > 0, UNKNOWN_NUCLEUS, 0))
        np.testing.assert_array_equal(out["image"].numpy().transpose(2, 1, 0), np.asarray(Image.open(item["image"])))
        nuclei, grey = out["segmentation"][0] > 0, out["image"].float().mean(0)
        assert grey[nuclei].mean() < grey[~nuclei].mean()  # haematoxylin is dark


@pytest.mark.parametrize("read", [isic2018_datalist, covidct_datalist, lizard_datalist])
def test_another_set_s_folder_is_refused(read) -> None:
    with pytest.raises(InputError, match="holds database_nifti, database_split, but"):
        read(folder("camus"), "training")
