# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import stat

import pytest

from monai_gradprom.whole_files import remove_unfinished, whole_file


def write(path, content):
    with whole_file(path) as file:
        file.write(content)


def test_the_folder_is_made_and_the_file_replaced(tmp_path):
    for content in (b"first", b"second, longer", b"3"):
        write(tmp_path / "new" / "x", content)
        assert (tmp_path / "new" / "x").read_bytes() == content
    assert os.listdir(tmp_path / "new") == ["x"]


def test_nobody_sees_half_of_it(tmp_path):
    write(tmp_path / "x", b"old")
    with whole_file(tmp_path / "x") as file:
        file.write(b"half")
        file.flush()
        assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    write(tmp_path / "x", b"old")
    with pytest.raises(error), whole_file(tmp_path / "x") as file:
        file.write(b"half")
        raise error
    assert (tmp_path / "x").read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: order.append("fsync") or fsync(file))
    monkeypatch.setattr(os, "replace", lambda *paths: order.append("replace") or replace(*paths))
    write(tmp_path / "x", b"content")
    assert order == ["fsync", "replace"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_it_is_as_readable_as_any_other_file(tmp_path):
    write(tmp_path / "x", b"content")
    (tmp_path / "y").write_bytes(b"content")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "xy"]
    assert modes[0] == modes[1]


def test_what_a_kill_leaves_can_be_removed(tmp_path):
    killed = [whole_file(tmp_path / name) for name in ("a.pt", "b=1.pt", "c.csv")]
    for each in killed:
        each.__enter__().write(b"half")
    for name in ("a.pt", ".a.pt.mine", "x.unfinished"):
        (tmp_path / name).write_bytes(b"whole")
    assert len(os.listdir(tmp_path)) == 6
    remove_unfinished(tmp_path, "*.pt")
    assert {name.split(".")[1] for name in os.listdir(tmp_path) if name.startswith(".")} == {"a", "c"}
    remove_unfinished(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".a.pt.mine", "a.pt", "x.unfinished"]
    remove_unfinished(tmp_path / "not there")
