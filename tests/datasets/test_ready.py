# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from monai.data import list_data_collate
from PIL import Image

from monai_gradprom.datasets import readable_items, training_items
from monai_gradprom.errors import InputError
from monai_gradprom.transforms import LoadClinicalImaged

NAMES = {"diagnosis": ["MEL", "NV"]}


@pytest.fixture
def items(tmp_path: Path) -> list[dict]:
    found = []
    for n in range(4):
        path = str(tmp_path / f"{n}.png")
        Image.new("L", (4, 3)).save(path)
        found.append({"id": str(n), "image": path, "diagnosis": n % 2, "segmentation": path})
    del found[3]["segmentation"]
    return found


def test_what_remains_collates(items: list[dict]) -> None:
    load = LoadClinicalImaged(["image", "segmentation"], allow_missing_keys=True)
    kept = training_items(items, {"diagnosis": True}, NAMES)
    assert len(kept) == 4 and set(list_data_collate([load(item) for item in kept])) == {"id", "image", "diagnosis"}
    kept = training_items(items, {"diagnosis": True, "segmentation": True}, NAMES)
    assert [item["id"] for item in kept] == ["0", "1", "2"]
    assert set(list_data_collate([load(item) for item in kept])) == {"id", "image", "diagnosis", "segmentation"}


def test_classes_are_checked_after_everything_that_leaves_images_out(items: list[dict]) -> None:
    for item in items[1::2]:
        Path(item["image"]).write_bytes(b"torn")
    assert len(training_items(items, {"diagnosis": True}, NAMES)) == 4
    with pytest.raises(InputError, match="of class 'NV'"):
        training_items(items, {"diagnosis": True}, NAMES, skip_unreadable=True)
    assert len(training_items(items, {"diagnosis": False}, NAMES, skip_unreadable=True)) == 2
    three = {"diagnosis": ["MEL", "NV", "BKL"]}
    assert len(training_items(items, {"diagnosis": True}, three, every_class=False)) == 4
    assert [item["id"] for item in readable_items(items, True)] == ["0", "2"]
    assert readable_items(items) == items


@pytest.mark.parametrize("needed", [True, False])
def test_two_strategies_see_the_same_images(items: list[dict], needed: bool) -> None:
    """Whether or not one of them learns from the masks, of which one is missing."""
    kept = training_items(items, {"segmentation": needed}, {})
    assert [item["id"] for item in kept] == ["0", "1", "2"]
    everything = training_items(items, {"segmentation": False}, {}, labelled_only=False)
    assert [item["id"] for item in everything] == ["0", "1", "2", "3"]
    assert all("segmentation" not in item for item in everything)


def test_without_any_label_the_enhancer_is_trained_on_all(items: list[dict]) -> None:
    for item in items:
        item.pop("segmentation", None)
    assert len(training_items(items, {"segmentation": False}, {})) == 4


def test_colour_is_a_fault_where_grey_is_wanted(items: list[dict]) -> None:
    Image.new("RGB", (4, 3), (9, 0, 0)).save(items[0]["image"])
    Path(items[0]["image"]).rename(Path(items[0]["image"]).with_name("colour.png"))
    colour = items[0] | {"image": str(Path(items[0]["image"]).with_name("colour.png"))}
    del colour["segmentation"]
    assert [item["id"] for item in readable_items([colour, items[1]], True, channels=1)] == ["1"]
    assert len(readable_items([colour, items[1]], True, channels=3)) == 2


def test_what_recognition_cannot_be_measured_on_is_counted_among_the_readable(items: list[dict], caplog) -> None:
    Path(items[0]["image"]).write_bytes(b"torn")
    assert len(readable_items(items, True, labels={"segmentation": "segmentation"})) == 3
    assert caplog.messages[-1] == "recognition is measured without 1 of 3 images: no segmentation."
    caplog.clear()
    readable_items(items[1:])
    assert not caplog.records
