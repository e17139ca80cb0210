# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import inspect
import os
import socket
import sys
import tracemalloc

import pytest

from monai_gradprom.enhance import discovery
from monai_gradprom.enhance.discovery import Found, discover


def _found(root):
    found = {f.path: f for f in discover(root)}
    assert len(found) == len(list(discover(root)))
    return found


def test_every_file_is_found_whatever_its_name(tmp_path):
    names = [b"a.dcm", b".hidden", b"two\nlines", b"\xff\xfe.dcm", b"A.dcm", "Müller".encode(), b" ", b"a\\b"]
    (tmp_path / "sub" / ".deep").mkdir(parents=True)
    for folder in (b"", b"sub/", b"sub/.deep/"):
        for name in names:
            with open(os.fsencode(tmp_path) + b"/" + folder + name, "wb"):
                pass
    found = _found(tmp_path)
    assert sorted(map(os.fsencode, found)) == sorted(f + n for f in (b"", b"sub/", b"sub/.deep/") for n in names)
    assert all(f.status is None for f in found.values())


def test_links(tmp_path):
    root, outside = tmp_path / "in", tmp_path / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (root / "sub" / "file").touch()
    (outside / "file").touch()
    (tmp_path / "in2").mkdir()
    (tmp_path / "in2" / "file").touch()  # a name that starts like the root's is not inside of it
    for name, target in {
        "inside": root / "sub" / "file",
        "relative": "sub/file",
        "chain": root / "relative",
        "leaves": outside / "file",
        "leaves by a chain": root / "leaves",
        "neighbour": "../in2/file",
        "folder": root / "sub",
        "folder outside": outside,
        "up": "..",
        "nowhere": "missing",
        "loop": "loop",
    }.items():
        (root / name).symlink_to(target)
    found = _found(root)
    kinds = {path: f.status for path, f in found.items()}
    assert kinds == {
        **dict.fromkeys(["sub/file", "inside", "relative", "chain"]),
        **dict.fromkeys(["leaves", "leaves by a chain", "neighbour", "folder", "folder outside", "up"], "skipped"),
        **dict.fromkeys(["nowhere", "loop"], "failed"),
    }
    assert "itself" in found["loop"].reason
    assert "folder" in found["folder"].reason


def test_a_linked_root_is_walked_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "real" / "link").symlink_to("file")
    (tmp_path / "root").symlink_to("real")
    assert {f.path: f.status for f in discover(tmp_path / "root")} == {"file": None, "link": None}


def test_what_is_no_file_is_skipped(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to pipe").symlink_to("pipe")
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("socket")
        assert {f.path: f.status for f in discover(tmp_path)} == dict.fromkeys(
            ["pipe", "socket", "link to pipe"], "skipped"
        )


@pytest.mark.parametrize(("error", "word"), [(PermissionError(13, "Permission denied"), "denied"), (None, "No such")])
def test_a_folder_that_cannot_be_read_is_said_and_the_rest_goes_on(tmp_path, monkeypatch, error, word):
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    scandir = os.scandir

    def refuse(folder):
        if os.fspath(folder).endswith("bad"):
            if error is None:
                return scandir(tmp_path / "gone")
            raise error
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    found = _found(tmp_path)
    assert found["good/file"] == Found("good/file")
    assert found["bad"].status == "failed"
    assert word in found["bad"].reason
    assert len(found) == 2


def test_a_tree_deeper_than_recursion_and_open_files_allow(tmp_path):
    depth, top = 400, os.getcwd()  # as deep as pytest's own clean-up can remove
    try:
        os.chdir(tmp_path)
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
            with open("f", "w"):
                pass
    finally:
        os.chdir(top)
    fds = []
    number = 0
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 150)
    for found in discover(tmp_path):
        assert found.status is None
        number += 1
        if number % 10 == 0:
            fds.append(len(os.listdir("/proc/self/fd")))
    sys.setrecursionlimit(limit)
    assert number == depth
    assert max(fds) - min(fds) <= discovery._OPEN_LISTINGS


def test_a_path_too_long_for_the_system_is_said(tmp_path):
    top = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(20):  # 20 x 251 bytes: more than PATH_MAX
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
    finally:
        os.chdir(top)
    (found,) = discover(tmp_path)
    assert found.status == "failed"
    assert "too long" in found.reason


def test_listing_is_not_held_in_memory(tmp_path):
    def peak(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        for n in range(count):
            os.close(os.open(folder / f"a rather long file name, as they come {n}", os.O_CREAT))
        tracemalloc.start()
        assert sum(1 for _ in discover(folder)) == count
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    small, large = peak(300), peak(3000)
    assert large < 2 * small + 50_000
