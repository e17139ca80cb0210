# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import CenterSpatialCropd, Compose

from monai_gradprom.transforms import UNKNOWN_NUCLEUS, DominantClassd, dominant_class


def nuclei() -> MetaTensor:
    """Connective (6) covers most of the whole, plasma (4) most of the middle; unknown ones cover more than both."""
    image = torch.zeros(1, 10, 12, dtype=torch.uint8)
    image[:, :, :2] = 6
    image[:, 4:6, 5:7] = 4
    image[:, 3, 5] = 2
    image[:, :, 8:] = UNKNOWN_NUCLEUS
    return MetaTensor(image, meta={"filename_or_obj": "consep_1.mat"})


def test_the_largest_area_wins_not_the_number_of_nuclei() -> None:
    assert dominant_class(nuclei(), 6) == 5
    areas = [(nuclei().numpy() == c).sum() for c in range(1, 7)]
    assert areas.index(max(areas)) == 5 and max(areas) < (nuclei().numpy() == UNKNOWN_NUCLEUS).sum()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_any_type_of_number(dtype: type) -> None:
    assert dominant_class(np.array([[0, 0, 0, 3, 3, 1]], dtype), 6) == 2
    assert dominant_class(np.array([[0, 7, 7, 9]], dtype), 6) is None
    assert dominant_class(np.array([[1, 5, 5]], dtype), 3) == 0  # 5 is no class of three
    assert dominant_class(np.array([[4, 2, 2, 4]], dtype), 6) == 1


def test_the_crop_decides() -> None:
    item = {"segmentation": nuclei(), "diagnosis": 5}
    crop = CenterSpatialCropd("segmentation", (4, 4))
    assert Compose([DominantClassd(), crop])(item)["diagnosis"] == 5
    out = Compose([crop, DominantClassd()])(item)
    assert out["diagnosis"] == 3 and type(out["diagnosis"]) is int
    assert item["diagnosis"] == 5


@pytest.mark.parametrize("value", [0, UNKNOWN_NUCLEUS])
def test_without_a_known_nucleus_the_whole_image_s_class_stays_and_none_is_made_up(value: int) -> None:
    empty = MetaTensor(torch.full((1, 3, 3), value, dtype=torch.uint8), meta={"filename_or_obj": "consep_1.mat"})
    assert DominantClassd()({"segmentation": empty, "diagnosis": 1})["diagnosis"] == 1
    assert "diagnosis" not in DominantClassd()({"segmentation": empty})


def test_a_diagnosis_that_the_list_was_stripped_of_stays_away() -> None:
    assert "diagnosis" not in DominantClassd()({"segmentation": nuclei()})


@pytest.mark.parametrize("name", ["mask.png", ""])
def test_other_masks_say_nothing_about_nuclei(name: str) -> None:
    other = MetaTensor(nuclei().as_tensor(), meta={"filename_or_obj": name})
    assert DominantClassd()({"segmentation": other, "diagnosis": 1})["diagnosis"] == 1
    assert DominantClassd()({"segmentation": nuclei().as_tensor(), "diagnosis": 1})["diagnosis"] == 1


def test_classes_are_counted_as_the_user_lists_them() -> None:
    ordered = DominantClassd(diagnoses=["plasma", "connective"])
    assert ordered({"segmentation": nuclei(), "diagnosis": 0})["diagnosis"] == 1
    without = DominantClassd(diagnoses=["plasma", "epithelial"])
    assert without({"segmentation": nuclei(), "diagnosis": 0})["diagnosis"] == 0


def test_missing_maps() -> None:
    assert DominantClassd(allow_missing_keys=True)({"diagnosis": 2}) == {"diagnosis": 2}
    with pytest.raises(KeyError):
        DominantClassd()({"diagnosis": 2})
    with pytest.raises(ValueError, match="give the one"):
        DominantClassd(["a", "b"])
