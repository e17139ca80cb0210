# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import draw_skin, write_isic2018

SAMPLE = Path(__file__).parents[2] / "sample_data" / "isic2018"
IMAGES, MASKS = "ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "diagnosis.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("isic2018")
    write_isic2018(root, seed=3, images=6)
    return root


def test_layout_is_complete_but_for_one_mask_and_one_diagnosis(written):
    names = [f"ISIC_{number:07d}" for number in range(90001, 90007)]
    expected = {f"{IMAGES}/{name}.jpg" for name in names} | {"diagnosis.csv"}
    expected |= {f"{MASKS}/{name}_segmentation.png" for name in names if name != names[1]}
    assert set(contents(written)) == expected
    table = rows(written)
    assert [row["image_id"] for row in table] == names
    assert [row["split"] for row in table] == ["train"] * 4 + ["val", "test"]
    assert [row["diagnosis"] for row in table].count("") == 1
    assert table[3]["diagnosis"] == ""


def test_files_hold_what_was_drawn(written):
    for number in (1, 5):
        name, phantom = f"ISIC_{90000 + number:07d}", draw_skin(3, number)
        with Image.open(written / IMAGES / f"{name}.jpg") as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            assert {component[1:3] for component in image.layer} == {(1, 1)}  # 4:4:4: no channel is subsampled
            error = np.asarray(image, float) - phantom.render()
        assert np.sqrt((error**2).mean()) < 3
        with Image.open(written / MASKS / f"{name}_segmentation.png") as image:
            mask = np.asarray(image)
        assert set(np.unique(mask)) == {0, 255}
        np.testing.assert_array_equal(mask > 0, phantom.mask())
        assert rows(written)[number - 1]["diagnosis"] == phantom.diagnosis


def test_same_seed_same_bytes_and_a_larger_set_begins_alike(written, tmp_path):
    write_isic2018(tmp_path, seed=3, images=7)
    small, large = contents(written), contents(tmp_path)
    assert {name: data for name, data in small.items() if not name.endswith(".csv")}.items() <= large.items()
    assert len(large) == len(small) + 2


@pytest.mark.parametrize(("arguments", "named"), [({"images": 5}, "images"), ({"seed": -1}, "seed")])
def test_out_of_range_is_refused(arguments, named, tmp_path):
    with pytest.raises(InputError, match=named):
        write_isic2018(tmp_path, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_committed_sample_data_is_what_the_generator_makes():
    """Fails when the generator changed and `monai-gradprom sample-data sample_data` was not run again."""
    for number in (1, 3):  # a naevus and a melanoma
        phantom = draw_skin(0, number)
        stored = np.asarray(Image.open(SAMPLE / IMAGES / f"ISIC_{90000 + number:07d}.jpg"), float)
        assert stored.shape == (*phantom.size, 3)
        assert np.sqrt(((stored - phantom.render()) ** 2).mean()) < 3  # JPEG's loss
    table = rows(SAMPLE)
    counts = Counter((row["split"], row["diagnosis"]) for row in table if row["diagnosis"])
    assert Counter(row["split"] for row in table) == {"train": 30, "val": 4, "test": 10}
    for split in ("train", "val", "test"):
        shares = [counts[split, diagnosis] for diagnosis in ("MEL", "NV", "BKL")]
        assert max(shares) - min(shares) <= 1
        assert min(shares) > 0
    assert len(list((SAMPLE / MASKS).iterdir())) == 43
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 4e6
