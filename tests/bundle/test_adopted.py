# SPDX-License-Identifier: Apache-2.0
"""Data that a program puts in the place of the bundle's own, as MONAI Label does."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from miniatures import blob, save_picture

PATHS = ("strategy", "supervised", "degradation", "recognizer_pretrain_epochs")


@pytest.fixture
def pairs(tmp_path):
    """Five pairs of different files, with masks."""
    rng, items = np.random.default_rng(0), []
    for number in range(5):
        clean, mask = blob(rng, (40, 48))
        item = {key: str(tmp_path / f"{key}{number}.png") for key in ("image", "label", "segmentation")}
        for key, array in zip(item, (np.uint8(clean // 2), clean, np.uint8(mask == 1)), strict=True):
            save_picture(tmp_path / f"{key}{number}.png", array)
        items.append(item)
    return items


def without_masks(items):
    return [{key: item[key] for key in ("image", "label")} for item in items]


def hand_over(training, validation):
    return {"train#dataset#data": training, "validate#dataset#data": validation}


def adopted(built):
    return {name: built.parser.get(name) for name in PATHS}


def test_without_labels_the_enhancer_is_trained_alone(run, pairs, caplog):
    data = hand_over(without_masks(pairs), [])
    with caplog.at_level(logging.WARNING, "monai_gradprom.bundle"):
        built = run(recognizer_pretrain_epochs=2, **data)
    assert adopted(built) == dict(zip(PATHS, ("enhancer_only", True, "none", 0), strict=True))
    said = [record.message for record in caplog.records if record.name == "monai_gradprom.bundle"]
    assert [text.split(":")[0] for text in said] == [
        "the data have no segmentation and no recognizer_weights are set",
        "images and labels are different files",
        "no pair is left for validation",
    ]
    assert built.parser.get_parsed_content("train#trainer").tasks == []


def test_without_pairs_the_labels_are_the_high_side(run, pairs, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "monai_gradprom.bundle"):
        built = run(bundle="camus_unpaired", **hand_over(without_masks(pairs), []))
    assert "the labels are the high-quality side" in caplog.text
    dataset = built.parser.get_parsed_content("train#dataset")
    assert {item["image"] for item in dataset.guides.data} == {item["label"] for item in pairs}
    batch = next(iter(built.parser.get_parsed_content("train#dataloader")))
    assert batch["guide"].mean() > 1.5 * batch["image"].mean()
    assert (tmp_path / "out" / "model.pt").is_file()


def test_a_recognizer_that_is_given_teaches_unsupervised(run, workflow, pairs, tmp_path):
    built = workflow()
    built.initialize()
    recognizer = built.parser.get_parsed_content("recognizers").tasks[0].network
    torch.save(recognizer.state_dict(), tmp_path / "recognizer.pt")
    data = hand_over(without_masks(pairs), without_masks(pairs[:1]))
    built = run(recognizer_weights=str(tmp_path / "recognizer.pt"), recognizer_pretrain_epochs=2, **data)
    assert adopted(built) == dict(zip(PATHS, ("gradprom", False, "none", 0), strict=True))
    (task,) = built.parser.get_parsed_content("train#trainer").tasks
    assert task.target_key is None


def test_labels_that_are_there_are_learnt_from(run, pairs):
    built = run(**hand_over(pairs, pairs[:1]))
    assert adopted(built) == dict(zip(PATHS, ("gradprom", True, "none", 0), strict=True))
    assert built.parser.get_parsed_content("train#trainer").tasks[0].target_key == "segmentation"


def test_clean_images_alone_are_degraded_as_ever(run, pairs):
    items = [{**item, "image": item["label"]} for item in pairs]
    built = run(**hand_over(items, items[:1]))
    assert adopted(built)["degradation"] == "gaussian"


def test_super_resolution_makes_its_small_images_from_the_labels(run, pairs, tmp_path):
    rng = np.random.default_rng(1)
    for item in pairs:
        clean = blob(rng, (40, 48), channels=3)[0]
        save_picture(tmp_path / item["label"], clean)
        save_picture(tmp_path / item["image"], clean[::2, ::2])
    data = hand_over(without_masks(pairs), without_masks(pairs[:1]))
    built = run(bundle="lizard_sr", **data)
    assert adopted(built)["degradation"] == "downsample"
    item = built.parser.get_parsed_content("validate#dataset")[0]
    assert item["image"].shape == (3, 24, 20) and item["label"].shape == (3, 48, 40)


def test_the_bundles_own_data_change_nothing(run):
    assert adopted(run()) == dict(zip(PATHS, ("gradprom", True, "gaussian", 0), strict=True))
