# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import MARKER, fresh_folder


def fill(target, text, force=False):
    with fresh_folder(target, {"what": "test"}, force=force) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text(text)


def test_own_folder_is_replaced_and_described(tmp_path):
    target = tmp_path / "new" / "camus"
    fill(target, "one")
    fill(target, "two")
    assert (target / "sub" / "a.txt").read_text() == "two"
    assert json.loads((target / MARKER).read_text()) == {"what": "test", "files": ["sub/a.txt"]}
    assert [path.name for path in target.parent.iterdir()] == ["camus"]


def test_empty_folder_is_filled(tmp_path):
    (tmp_path / "camus").mkdir()
    fill(tmp_path / "camus", "one")
    assert (tmp_path / "camus" / "sub" / "a.txt").is_file()


@pytest.mark.parametrize("generated_before", [False, True])
def test_foreign_files_demand_force_and_survive_it(tmp_path, generated_before):
    target = tmp_path / "camus"
    if generated_before:
        fill(target, "one")
    target.mkdir(exist_ok=True)
    (target / "precious.nii").write_text("patient")
    with pytest.raises(InputError, match="--force"):
        fill(target, "two")
    assert (target / "precious.nii").read_text() == "patient"
    fill(target, "two", force=True)
    assert not (target / "precious.nii").exists()
    assert (tmp_path / "camus.old" / "precious.nii").read_text() == "patient"


def test_force_never_overwrites_an_earlier_backup(tmp_path):
    for content in ("first", "second"):
        (tmp_path / "camus").mkdir(exist_ok=True)
        (tmp_path / "camus" / "precious.nii").write_text(content)
        fill(tmp_path / "camus", "x", force=True)
    assert (tmp_path / "camus.old" / "precious.nii").read_text() == "first"
    assert (tmp_path / "camus.old2" / "precious.nii").read_text() == "second"


def test_failure_leaves_the_old_set_and_no_debris(tmp_path):
    fill(tmp_path / "camus", "one")
    with pytest.raises(RuntimeError), fresh_folder(tmp_path / "camus", {}) as folder:
        (folder / "half").write_text("")
        raise RuntimeError
    assert (tmp_path / "camus" / "sub" / "a.txt").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["camus"]


def test_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        fill(tmp_path / "file" / "camus", "one")
