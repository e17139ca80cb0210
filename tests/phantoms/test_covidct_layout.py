# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import CT_CLASSES, covidct_name, draw_chest_ct, write_covidct

SAMPLE = Path(__file__).parents[2] / "sample_data" / "covidct"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def lists(root: Path, name: str) -> dict[str, list[str]]:
    folder = root / "Data-split" / name
    return {part: (folder / f"{part}CT_{name}.txt").read_text().splitlines() for part in ("train", "val", "test")}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp("covidct")
    write_covidct(root, seed=3, images=8)
    return root


def test_every_image_is_in_one_list_and_every_list_in_its_place(written):
    assert len(contents(written)) == 8 + 6
    for name in CT_CLASSES:
        listed = [line for part in lists(written, name).values() for line in part]
        assert all(lists(written, name).values())
        assert sorted(listed) == sorted(path.name for path in (written / "Images-processed" / f"CT_{name}").iterdir())
        assert len(set(listed)) == 4


def test_files_hold_what_was_drawn_in_every_mode(written):
    modes = Counter()
    for number in range(1, 9):
        path = written / "Images-processed" / f"CT_{CT_CLASSES[(number - 1) % 2]}" / covidct_name(number)
        with Image.open(path) as image:
            modes[image.mode] += 1
            assert image.format == ("JPEG" if path.suffix == ".jpg" else "PNG")
            stored = np.atleast_3d(np.asarray(image))
        assert (stored[..., 1:3] == stored[..., :1]).all()
        assert (stored[..., 3:] == 255).all()
        if number in (1, 4, 6):  # RGB, JPEG, RGBA
            error = np.abs(stored[..., 0].astype(float) - draw_chest_ct(3, number).render())
            assert error.mean() < 2 if path.suffix == ".jpg" else error.max() == 0
    assert modes == {"L": 4, "RGB": 2, "RGBA": 2}


def test_names_are_odd_unique_and_fit_any_file_system():
    names = [covidct_name(number) for number in range(1, 9999)]
    assert len(set(names[::2])) == len(names[::2])  # within a folder
    assert len(set(names[1::2])) == len(names[1::2])
    assert not any(set(name) & set('<>:"/\\|?*') for name in names)
    first = names[:16]
    assert any("%" in name for name in first)
    assert any(" " in name for name in first)
    assert any(name.endswith(".jpg") for name in first[1::2])
    assert 140 < max(len(name) for name in names) < 180


def test_same_seed_same_bytes_and_a_larger_set_begins_alike(written, tmp_path):
    write_covidct(tmp_path, seed=3, images=6)
    small, large = contents(tmp_path / "Images-processed"), contents(written / "Images-processed")
    assert (len(small), len(large)) == (6, 8)
    assert small.items() <= large.items()


@pytest.mark.parametrize(
    ("arguments", "named"), [({"images": 4}, "images"), ({"images": 9}, "images"), ({"seed": 2**32}, "seed")]
)
def test_out_of_range_is_refused(arguments, named, tmp_path):
    with pytest.raises(InputError, match=named):
        write_covidct(tmp_path, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_committed_sample_data_is_what_the_generator_makes():
    """Fails when the generator changed and `monai-gradprom sample-data sample_data` was not run again."""
    for number in (1, 2):
        phantom = draw_chest_ct(0, number)
        stored = np.atleast_3d(
            np.asarray(Image.open(SAMPLE / "Images-processed" / f"CT_{phantom.diagnosis}" / covidct_name(number)))
        )
        made = phantom.render().astype(int)
        assert stored.shape[:2] == made.shape
        assert np.abs(stored[..., 0] - made).max() <= 1  # another numpy may round another way
    for name in CT_CLASSES:
        assert {part: len(lines) for part, lines in lists(SAMPLE, name).items()} == {"train": 16, "val": 3, "test": 5}
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 2.5e6
