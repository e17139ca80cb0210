# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import NUCLEI, draw_slide, lizard_folds, write_lizard, write_lizard_label

SAMPLE = Path(__file__).parents[2] / "sample_data" / "lizard"
LABELS = Path("lizard_labels", "Lizard_Labels")
IMAGES = 5


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("lizard")
    write_lizard(root, seed=3, images=IMAGES)
    return root


def test_layout_is_complete(written):
    expected = {"lizard_images1/Lizard_Images1/phantom_1.png", "lizard_labels/Lizard_Labels/info.csv"}
    expected |= {f"lizard_images2/Lizard_Images2/phantom_{n}.png" for n in (2, 3, 4, 5)}
    expected |= {f"lizard_labels/Lizard_Labels/Labels/phantom_{n}.mat" for n in (1, 2, 3, 4)}  # the last has none
    assert set(contents(written)) == expected


def test_labels_and_images_are_what_the_seed_draws(written):
    for number in (1, IMAGES - 1, IMAGES):
        slide = draw_slide(3, number)
        with Image.open(next(written.rglob(f"phantom_{number}.png"))) as stored:
            assert stored.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(stored), slide.image)
        if number < IMAGES:
            label = loadmat(written / LABELS / "Labels" / f"phantom_{number}.mat")
            assert label["inst_map"].dtype == np.int32
            np.testing.assert_array_equal(label["inst_map"], slide.inst_map)
            known = number < IMAGES - 1
            np.testing.assert_array_equal(label["class"][:, 0], slide.classes if known else 0 * slide.classes)


def test_label_fields_follow_the_official_conventions(tmp_path):
    inst_map = np.zeros((12, 20), np.int32)
    inst_map[2:5, 7:12] = 1  # 3 rows, 5 columns
    inst_map[6:12, 1:3] = 2
    write_lizard_label(tmp_path / "a.mat", inst_map, np.array([4, 6], np.int32))
    label = loadmat(tmp_path / "a.mat")
    np.testing.assert_array_equal(label["inst_map"], inst_map)
    assert label["id"].tolist() == [[1], [2]]
    assert label["class"].tolist() == [[4], [6]]
    assert label["bbox"].tolist() == [[2, 5, 7, 12], [6, 12, 1, 3]]  # y1, y2, x1, x2
    assert label["centroid"].tolist() == [[9.0, 3.0], [1.5, 8.5]]  # x, y


def test_classes_are_named_as_the_reader_names_them():
    from monai_gradprom.transforms.nuclei_reader import LIZARD_CLASSES  # imports torch, which nothing else here needs

    assert dict(enumerate(LIZARD_CLASSES, start=1)) == NUCLEI


def test_info_lists_every_image_once_with_its_fold(written):
    with (written / LABELS / "info.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["Filename"] for row in rows] == [f"phantom_{n}" for n in range(1, IMAGES + 1)]
    assert {row["Source"] for row in rows} == {"phantom"}
    assert [int(row["Split"]) for row in rows] == [1, 2, 3, 1, 2]
    assert sorted(lizard_folds(30).values()) == [1] * 10 + [2] * 10 + [3] * 10


def test_same_labels_same_bytes_whenever_and_wherever_they_are_written(tmp_path):
    write_lizard_label(tmp_path / "a.mat", np.eye(9, dtype=np.int32), np.array([3], np.int32))
    head = (tmp_path / "a.mat").read_bytes()[:128]
    assert head[:116].rstrip() == b"MATLAB 5.0 MAT-file, synthetic nuclei"  # scipy writes the time and the platform
    assert head[124:] == b"\x00\x01IM"


def test_another_seed_gives_other_pixels(written):
    with Image.open(next(written.rglob("phantom_1.png"))) as stored:
        assert draw_slide(4, 1).image.tobytes() != stored.tobytes()


@pytest.mark.parametrize(
    ("arguments", "named"), [({"images": 4}, "images"), ({"images": 10**4}, "images"), ({"seed": -1}, "seed")]
)
def test_out_of_range_is_refused(arguments, named, tmp_path):
    with pytest.raises(InputError, match=named):
        write_lizard(tmp_path, **arguments)


def test_committed_sample_data_is_what_the_generator_makes():
    """Fails when the generator changed and `monai-gradprom sample-data sample_data` was not run again."""
    slide = draw_slide(0, 2)
    with Image.open(next(SAMPLE.rglob("phantom_2.png"))) as stored:
        assert np.abs(np.asarray(stored).astype(int) - slide.image).max() <= 1  # another exp may round another way
    label = loadmat(SAMPLE / LABELS / "Labels" / "phantom_2.mat")
    assert (label["inst_map"] == slide.inst_map).mean() > 0.999
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 7e6


def test_committed_folds_have_every_class_as_the_dominant_one():
    with (SAMPLE / LABELS / "info.csv").open(newline="") as stream:
        folds = {row["Filename"]: row["Split"] for row in csv.DictReader(stream)}
    found, sizes = {"1": set(), "2": set(), "3": set()}, set()
    for path in (SAMPLE / LABELS / "Labels").glob("*.mat"):
        label = loadmat(path)
        sizes.add(label["inst_map"].shape)
        area = np.bincount(label["inst_map"].ravel())[label["id"][:, 0]]
        found[folds[path.stem]].add(int(np.bincount(label["class"][:, 0], area).argmax()))
    assert all(classes >= {1, 2, 3, 4, 5, 6} for classes in found.values())
    assert any(height != width for height, width in sizes)
    assert set().union(*found.values()) == {0, 1, 2, 3, 4, 5, 6}  # one image's classes are unknown
