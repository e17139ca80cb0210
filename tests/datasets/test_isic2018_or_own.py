# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from miniatures import save_picture, write_isic2018

from monai_gradprom.datasets import isic2018_datalist, isic2018_or_own_datalist
from monai_gradprom.errors import InputError


def test_the_archive_is_read_as_such(tmp_path):
    root = write_isic2018(tmp_path / "isic")
    for subset in ("training", "testing"):
        found = isic2018_or_own_datalist(root, subset)
        assert found == isic2018_datalist(root, subset) and all("diagnosis" in item for item in found)


def test_any_other_folder_is_split_by_patient(tmp_path):
    for patient in range(5):
        for number in range(2):
            save_picture(tmp_path / f"p{patient}" / f"{number}.png", np.zeros((8, 9), np.uint8))
    parts = {
        s: isic2018_or_own_datalist(tmp_path, s, split="paper", seed=2) for s in ("training", "validation", "testing")
    }
    assert {subset: len(items) for subset, items in parts.items()} == {"training": 6, "validation": 2, "testing": 2}
    patients = [{item["id"].split("/")[0] for item in items} for items in parts.values()]
    assert len(set.union(*patients)) == 5 and sum(map(len, patients)) == 5
    assert not any("diagnosis" in item or "segmentation" in item for items in parts.values() for item in items)


def test_a_folder_that_is_not_there_and_a_table_without_its_archive(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        isic2018_or_own_datalist(tmp_path / "nowhere", "training")
    save_picture(tmp_path / "a.png", np.zeros((8, 9), np.uint8))
    (tmp_path / "table.csv").write_text("image_id,diagnosis\n")
    with pytest.raises(InputError, match="ISIC2018_Task1-2_Training_Input"):
        isic2018_or_own_datalist(tmp_path, "training", diagnosis_csv=tmp_path / "table.csv")
