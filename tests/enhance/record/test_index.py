# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from monai_gradprom.enhance.discovery import Found
from monai_gradprom.enhance.record.index import Entry, Index
from monai_gradprom.enhance.record.paths import shown_path
from monai_gradprom.enhance.record.row import Row
from monai_gradprom.errors import InputError

NAMES = ["b", "a/x", "a", "a b", "é", "\U0001f600", os.fsdecode(b"\xff\xfe"), "two\nlines", "A", "\uffee"]


@pytest.fixture
def index():
    with Index() as index:
        yield index


def _add(index, *paths, **facts):
    for path in paths:
        index.add(Found(path))
        if facts:
            index.describe(path, **facts)


def test_files_come_back_in_the_order_of_their_names(index):
    _add(index, *NAMES, *NAMES)
    assert [entry.path for entry in index.entries()] == sorted(NAMES)
    assert len(index) == index.count() == len(NAMES)


def test_settled_files_are_not_open(index):
    _add(index, "a", "b", "c")
    index.add(Found("d", "failed", "unreadable \udcff"))
    index.settle("b", "skipped", "a text")
    assert [entry.path for entry in index.entries(open_only=True)] == ["a", "c"]
    assert index.count(open_only=True) == 2
    assert list(index.entries())[1:] == [
        Entry("b", "skipped", "a text"),
        Entry("c"),
        Entry("d", "failed", "unreadable \udcff"),
    ]


def test_facts_come_back(index):
    _add(index, "a", format="DICOM", series="1.2", pixels=7, modality="U\udcffS", output="a\udcff")
    assert next(index.entries()) == Entry("a", None, None, "DICOM", "1.2", 7, "U\udcffS", "a\udcff")


def test_the_index_may_change_while_it_is_walked_through(index):
    paths = [f"{n:04}" for n in range(1200)]
    _add(index, *paths)
    seen = []
    for entry in index.entries(open_only=True):
        seen.append(entry.path)
        index.settle(entry.path, "skipped", None)
        index.describe(entry.path, series="1", window=(0, 1))
    assert seen == paths


def test_a_series_window_is_the_union_of_its_files(index):
    _add(index, "a", series="1", window=(-10, 5))
    _add(index, "b", series="1", window=(-3, 40))
    _add(index, "c", series="1", needs_range=True)
    _add(index, "d", series="2", window=(7, 8))
    _add(index, "e", format="PNG")
    assert {p: index.window_of(p) for p in "abcdef"} == {
        **dict.fromkeys("abc", (-10, 40)),
        "d": (7, 8),
        "e": None,
        "f": None,
    }
    assert list(index.needing_range()) == []


@pytest.mark.parametrize("header_first", [True, False])
def test_ranges_of_pixels_are_united_and_give_way_to_headers(index, header_first):
    _add(index, "a", "b", series="1", needs_range=True)
    _add(index, "c", series="2", needs_range=True)
    assert list(index.needing_range()) == [("a", "1"), ("b", "1"), ("c", "2")]
    index.settle("c", "failed", "torn")
    assert list(index.needing_range()) == [("a", "1"), ("b", "1")]
    if header_first:
        _add(index, "d", series="1", window=(1, 2))
    index.set_range("1", 3, 4)
    assert index.window_of("a") == ((1, 2) if header_first else (3, 4))
    index.set_range("1", 0, 3.5)
    assert index.window_of("a") == ((1, 2) if header_first else (0, 4))
    _add(index, "d", series="1", window=(1, 2))
    assert index.window_of("b") == (1, 2)


def test_ranges_may_be_set_while_they_are_asked_for(index):
    _add(index, *(f"{n:04}" for n in range(1200)), series="1", needs_range=True)
    for count, (_, series) in enumerate(index.needing_range(), 1):
        index.set_range(series, -count, count)
    assert count == 1200
    assert index.window_of("0000") == (-1200, 1200)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_windows_that_are_no_numbers_do_not_count(index, bad):
    _add(index, "a", series="1", window=(0, 1))
    _add(index, "b", series="1", window=(0, bad))
    assert index.window_of("b") == (0, 1)


def test_two_results_of_one_name(index):
    _add(index, "x.jpg", output="x.jpg.png")
    _add(index, "x.jpg.png", output="x.jpg.png")
    _add(index, "y.jpg", output="y.jpg.png")
    _add(index, "y.jpg.png/file", output="y.jpg.png/file")
    _add(index, "y.jpg.png.d/0", output="y.jpg.png.d/0")
    clashes = {entry.path: index.clash(entry.path) for entry in index.entries()}
    assert {path: other for path, other in clashes.items() if other} == {
        "x.jpg.png": "x.jpg",
        "y.jpg": "y.jpg.png/file",
    }
    index.settle("x.jpg", "failed", "torn")
    assert index.clash("x.jpg.png") is None
    assert index.clash("x.jpg") is None


@pytest.mark.parametrize("ignore_case", [True, False])
def test_names_that_differ_in_case_clash_where_case_is_ignored(ignore_case):
    with Index(ignore_case=ignore_case) as index:
        for path in ("A.dcm", "a.dcm", "u\u0308.dcm", "\u00dc.dcm"):
            _add(index, path, output=path)
        assert [index.clash(e.path) for e in index.entries()] == (
            [None, "A.dcm", None, "u\u0308.dcm"] if ignore_case else [None] * 4
        )
        assert [e.output for e in index.entries()] == ["A.dcm", "a.dcm", "u\u0308.dcm", "\u00dc.dcm"]


@pytest.mark.parametrize("hash_paths", [True, False])
def test_rows_are_remembered(hash_paths):
    with Index(hash_paths) as index:
        _add(index, *NAMES)
        paths = [*NAMES, "gone"]
        random.shuffle(paths)
        for path in paths:
            index.remember(Row(shown_path(path, hash_paths), "failed", "first"))
            index.remember(Row(shown_path(path, hash_paths), "done", output=path, seconds=0.1, mean_abs_change=1 / 3))
        assert index.previous("é") == Row(
            shown_path("é", hash_paths), "done", output="é", seconds=0.1, mean_abs_change=1 / 3
        )
        assert index.previous("never seen") is None
        rows = list(index.rows())
        assert [row.path for row in rows] == sorted(shown_path(name, hash_paths) for name in NAMES)
        assert {row.output for row in rows} == set(NAMES)
        assert [row.output for row in index.strays()] == ["gone"]


def test_a_full_temporary_folder_is_an_input_error(index):
    index._db._connection.execute("COMMIT")
    index._db._connection.execute("PRAGMA max_page_count = 20")
    with pytest.raises(InputError, match="SQLITE_TMPDIR"):
        _add(index, *(f"{n:0500}" for n in range(1000)))


MEMORY = """
import resource
from monai_gradprom.enhance.discovery import Found
from monai_gradprom.enhance.record.index import Index
from monai_gradprom.enhance.record.row import Row

def fill(count):
    with Index() as index:
        for n in range(count):
            path = f"patient {n // 50:05}/series/an image {n:06}.dcm"
            index.add(Found(path))
            index.describe(path, format="DICOM", series=f"1.2.{n // 10}", window=(0, n), output=path)
            index.remember(Row(path, "done", sha256_in="0" * 64, sha256_out="1" * 64, output=path))
        assert sum(1 for e in index.entries() if index.window_of(e.path) and not index.clash(e.path)) == count
        assert sum(1 for _ in index.rows()) == count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

fill(2000)
print(fill(4000), fill(20000))
"""


def test_memory_does_not_grow_with_the_number_of_files():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    small, large = map(int, done.stdout.split())  # KiB
    assert large - small < 3000  # 16000 files would be 15 MB in lists


def test_nothing_is_left_even_after_a_kill(tmp_path):
    code = """
import os, signal
from monai_gradprom.enhance.discovery import Found
from monai_gradprom.enhance.record.index import Index
index = Index()
for n in range(40000):
    index.add(Found(f"{n:0200}"))
print([os.readlink(f"/proc/self/fd/{f}") for f in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{f}")],
      flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "SQLITE_TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == -9
    assert str(tmp_path) in done.stdout  # it was there
    assert list(tmp_path.iterdir()) == []
