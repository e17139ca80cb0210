# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from monai_gradprom.enhance.record.manifest import Manifest
from monai_gradprom.enhance.record.row import Row
from monai_gradprom.errors import InputError

KEYS = "path status reason output sha256_in sha256_out bundle bundle_version seconds mean_abs_change max_abs_change"
A, B, C = Row("a", "done", output="a"), Row("b", "skipped", "a report"), Row("c", "failed", "torn")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "manifest.jsonl"


def _write(path, *rows):
    with Manifest(path) as manifest:
        for row in rows:
            manifest.add(row)


def test_a_line_holds_the_keys_in_order(path):
    _write(path, A)
    (line,) = path.read_text().splitlines()
    assert list(json.loads(line)) == KEYS.split()


def test_rows_survive_whatever_they_hold(path):
    rows = [
        Row("two\nlines \u2028 é \U0001f600", "done"),
        Row(os.fsdecode(b"\xff\xfe"), "failed", 'with "quotes" and \x00'),
        Row("n", "done", None, "n", "0" * 64, "1" * 64, "camus", "1.0", 0.25, 1 / 3, 7.0),
    ]
    _write(path, *rows)
    assert path.read_bytes().isascii()
    assert path.read_bytes().count(b"\n") == 3
    assert list(Manifest.read(path)) == rows


def test_numbers_that_json_lacks_become_null_and_numpys_are_taken(path):
    _write(path, Row("a", "done", mean_abs_change=float("nan"), max_abs_change=np.float32(0.5)))
    (values,) = map(json.loads, path.read_text().splitlines())
    assert values["mean_abs_change"] is None
    assert values["max_abs_change"] == 0.5


def test_a_row_is_on_disk_when_add_returns(path):
    manifest = Manifest(path)
    manifest.add(A)
    assert list(Manifest.read(path)) == [A]
    manifest.close()
    manifest.close()


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_torn_last_line_is_dropped_and_cut_off(path, cut):
    _write(path, A, B)
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(Manifest.read(path)) == [A]
    _write(path, C)
    assert list(Manifest.read(path)) == [A, C]


def test_a_long_torn_line_and_nothing_else(path):
    path.write_bytes(b"x" * 200_000)
    assert list(Manifest.read(path)) == []
    _write(path, A)
    assert list(Manifest.read(path)) == [A]


def test_no_file_has_no_rows(path):
    assert list(Manifest.read(path)) == []


@pytest.mark.parametrize(
    "damage", [b"\0" * 30, b"", b"[]", b'{"path": "x"}', b'{"status": "done"}', b"[" * 100_000, b"\xff"]
)
def test_a_damaged_line_is_named(path, damage):
    _write(path, A)
    path.write_bytes(path.read_bytes() + damage + b"\n")
    with Manifest(path) as manifest:
        manifest.add(B)
    with pytest.raises(InputError, match="line 2 is damaged"):
        list(Manifest.read(path))
    assert list(Manifest.read(path, skip_damaged=True)) == [A, B]


def test_an_unknown_status_is_damage(path):
    _write(path, A)
    path.write_text(path.read_text().replace('"done"', '"great"'))
    with pytest.raises(InputError, match="line 1"):
        list(Manifest.read(path))


class _Disk:
    """Stands in for os.write on a disk with some bytes free."""

    def __init__(self, free):
        self.free, self.write = free, os.write

    def __call__(self, file, data):
        if not self.free:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = data[: self.free]
        self.free -= len(part)
        return self.write(file, part)


def test_what_a_full_disk_refused_is_written_later(path, monkeypatch):
    manifest = Manifest(path)
    disk = _Disk(free=300)
    monkeypatch.setattr(os, "write", disk)
    manifest.add(A)
    manifest.add(B)  # half of it fits
    assert manifest.pending == 1
    assert list(Manifest.read(path)) == [A]
    disk.free = 10
    manifest.add(C)
    assert manifest.pending == 2
    disk.free = 10_000
    manifest.close()
    assert manifest.pending == 0
    assert list(Manifest.read(path)) == [A, B, C]


def test_what_can_never_be_written_is_counted_and_nothing_is_torn(path, monkeypatch):
    manifest = Manifest(path)
    manifest.add(A)
    monkeypatch.setattr(os, "write", _Disk(free=40))
    manifest.add(B)
    manifest.close()
    assert manifest.pending == 1
    monkeypatch.undo()
    _write(path, C)
    assert list(Manifest.read(path)) == [A, C]


def test_compacting_replaces_the_file(path):
    with Manifest(path) as manifest:
        for row in (C, A, C, B):
            manifest.add(row)
        manifest.compact(iter([A, B, C]))
        assert list(Manifest.read(path)) == [A, B, C]
        manifest.add(A)
    assert list(Manifest.read(path)) == [A, B, C, A]
    assert [p.name for p in path.parent.glob(".work/*")] == []


def test_compacting_is_all_or_nothing(path, monkeypatch):
    def no_space(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Manifest(path) as manifest:
        manifest.add(A)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", no_space)
            with pytest.raises(InputError, match="No space left"):
                manifest.compact([B])
        assert list(Manifest.read(path)) == [A]
        manifest.add(C)
    assert list(Manifest.read(path)) == [A, C]


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.1])
def test_a_killed_process_leaves_whole_rows(path, seconds):
    code = f"""
from pathlib import Path
from monai_gradprom.enhance.record.manifest import Manifest
from monai_gradprom.enhance.record.row import Row
manifest = Manifest(Path({str(path)!r}))
print("ready", flush=True)
n = 0
while True:
    manifest.add(Row(f"{{n}}", "done"))
    n += 1
    if n % 100 == 0:
        manifest.compact(Row(f"{{i}}", "done") for i in range(n))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
    rows = [int(row.path) for row in Manifest.read(path)]
    assert rows == list(range(len(rows)))
    assert rows


def test_a_folder_in_its_place_is_one_sentence(path):
    path.mkdir()
    with pytest.raises(InputError, match=r"manifest\.jsonl cannot be written"):
        Manifest(path)
