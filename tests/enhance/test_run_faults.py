# SPDX-License-Identifier: Apache-2.0
"""One file's fault is recorded, with a reason that helps, and the rest goes on."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from enhance_commands import Command, rows, tree
from enhance_inputs import identity, pixels, shifting, write_mhd, write_nifti, write_picture, write_slice
from PIL import Image
from tiny_bundles import image_format, write_bundle

from monai_gradprom.enhance import job, writing
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.record import manifest
from monai_gradprom.enhance.runner import run_enhance


@pytest.fixture
def bundle(tmp_path):
    return identity(tmp_path / "bundle")


@pytest.fixture
def run(tmp_path, bundle):
    """Run within this process; the exit code and the rows."""

    def run_here(**options):
        code = run_enhance(Options(tmp_path / "in", tmp_path / "out", bundle, device="cpu", workers=0, **options))
        return code, rows(tmp_path / "out")

    return run_here


def by_status(found):
    return {path: row["status"] for path, row in found.items()}


ACCIDENTS = {
    "decoder.png": "crashed a decoder (SIGSEGV)",
    "killed.png": "process killed (SIGKILL)",
    "memory.png": "not enough memory",
    "replaced.png": "was changed while",
    "surprise.png": "unexpected AttributeError",
    "vanished.png": "vanished while",
}


def test_accidents_of_workers(tmp_path, bundle):
    for number, name in enumerate([*ACCIDENTS, "a.png", "b.png", "z/c.png", "z/d.png"]):
        write_picture(tmp_path / "in" / name, seed=number)
    arguments = [tmp_path / "in", tmp_path / "out", "--bundle", bundle, "--device", "cpu", "--workers", "2"]
    command = Command(arguments, tmp_path, tasks="accidents")
    assert command.wait() == 1
    found = rows(tmp_path / "out")
    assert {path for path, row in found.items() if row["status"] == "failed"} == set(ACCIDENTS)
    for name, words in ACCIDENTS.items():
        assert words in found[name]["reason"]
        assert found[name]["output"] is None
        assert not (tmp_path / "out" / name).exists()
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.name.startswith(".")) == []
    assert b"Doe" not in command.printed() + b"".join(tree(tmp_path / "out").values())
    # and without the accidents, only those are done again
    before = {name: (tmp_path / "out" / name).stat().st_ino for name in ("a.png", "z/d.png")}
    command = Command(arguments, tmp_path)
    assert command.wait() == 0, command.printed()
    assert by_status(rows(tmp_path / "out")) == dict.fromkeys(map(os.fsdecode, tree(tmp_path / "in")), "done")
    assert before == {name: (tmp_path / "out" / name).stat().st_ino for name in before}


def cut(path, share=0.6):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def test_truncated_files_of_every_format(tmp_path, run):
    folder = tmp_path / "in"
    values = pixels(40, 40, dtype=np.uint16)
    for suffix in ("png", "tif", "jpg", "bmp"):
        write_picture(folder / f"a.{suffix}", side=40)
    write_nifti(folder / "a.nii", (20, 20, 5))
    write_nifti(folder / "a.nii.gz", (20, 20, 5))
    write_slice(folder / "a.dcm", values)
    write_slice(folder / "b.dcm", values, 1)
    write_mhd(folder / "a.mhd")
    for path in sorted(folder.iterdir()):
        if path.suffix != ".mhd":
            cut(path)
    (folder / "b.dcm").write_bytes((folder / "b.dcm").read_bytes()[:403])  # within its header
    code, found = run()
    assert code == 1
    assert by_status(found) == {path.name: "failed" for path in folder.iterdir()} | {"a.raw": "skipped"}
    for row in found.values():
        assert len(row["reason"]) > 15
        assert row["reason"] != "unexpected"
        assert "bug" not in row["reason"]
    assert set(map(os.fsdecode, tree(tmp_path / "out"))) == {
        "run.json",
        "manifest.jsonl",
        "report.html",
        "series.jsonl",
    }


def test_a_full_disk(tmp_path, run, monkeypatch):
    """Every write of a result fails for want of space until there is some again."""
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "in" / name)
    full = True
    replace = os.replace

    def replace_if_there_is_space(source, target):
        if full and Path(target).name == "a.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))
        replace(source, target)

    monkeypatch.setattr(writing.os, "replace", replace_if_there_is_space)
    code, found = run()
    assert (code, by_status(found)) == (1, {"a.png": "failed", "b.png": "done"})
    assert "no space is left" in found["a.png"]["reason"]
    full = False
    assert run()[0] == 0


LIMITED = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
sys.argv = ["monai-gradprom", *sys.argv[1:]]
runpy.run_module("monai_gradprom.cli", run_name="__main__")
"""


@pytest.mark.slow
def test_files_that_may_not_grow(tmp_path, bundle):
    """As a full disk or a quota: a result of 80 kB has no place where files may have 40 kB, whoever writes them."""
    write_picture(tmp_path / "in" / "small.png")
    write_nifti(tmp_path / "in" / "large.nii", (100, 100, 4))
    command = [sys.executable, "-c", LIMITED, "enhance", "in", "out", "--bundle", "bundle", "--workers", "1"]
    done = subprocess.run([*command, "--device", "cpu"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    found = rows(tmp_path / "out")
    assert by_status(found) == {"small.png": "done", "large.nii": "failed"}
    assert "larger than files may be" in found["large.nii"]["reason"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 40_000


def test_space_for_large_results_is_taken_before_it_is_used(tmp_path, run, monkeypatch):
    """A disk that fills up under mapped memory would end the process."""
    write_nifti(tmp_path / "in" / "large.nii", (40, 40, 40))
    write_picture(tmp_path / "in" / "small.png")

    def no_space(file, start, size):
        assert size == 40**3 * 2
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", no_space)
    code, found = run(memory=0.0002)  # 215 kB, of which half for the result
    assert (code, by_status(found)) == (1, {"large.nii": "failed", "small.png": "done"})
    assert "no space is left" in found["large.nii"]["reason"]
    monkeypatch.undo()
    assert run(memory=0.0002)[0] == 0


def test_a_manifest_that_cannot_be_written_for_a_while(tmp_path, run, monkeypatch):
    for number in range(4):
        write_picture(tmp_path / "in" / f"{number}.png")
    write, calls = os.write, []

    def write_later(file, data):
        calls.append(data)
        if len(calls) < 3:
            write(file, data[:9])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    monkeypatch.setattr(manifest.os, "write", write_later)
    code, found = run()
    assert code == 0
    assert by_status(found) == {f"{number}.png": "done" for number in range(4)}
    assert len(calls) > 4


def test_a_manifest_that_cannot_be_finished(tmp_path, run, monkeypatch, capsys):
    """Everything has been done and is known; only the order of the lines and the report are missing."""
    for number in range(3):
        write_picture(tmp_path / "in" / f"{number}.png")

    def no_space(file):
        if os.readlink(f"/proc/self/fd/{file}").endswith("manifest.jsonl"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(manifest.os, "fsync", no_space)
    code, found = run()
    assert code == 1
    assert by_status(found) == {f"{number}.png": "done" for number in range(3)}
    printed = capsys.readouterr()
    assert "done     3" in printed.out
    assert "free space and repeat" in printed.err
    monkeypatch.undo()
    inodes = [(tmp_path / "out" / f"{number}.png").stat().st_ino for number in range(3)]
    assert run()[0] == 0
    assert inodes == [(tmp_path / "out" / f"{number}.png").stat().st_ino for number in range(3)]


def test_an_output_folder_that_cannot_be_written_to(tmp_path, run, monkeypatch):
    for name in ("locked/a.png", "b.png"):
        write_picture(tmp_path / "in" / name)
    mkdir = Path.mkdir

    def mkdir_unless_locked(self, *arguments, **options):
        if self == tmp_path / "out" / "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        mkdir(self, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir_unless_locked)
    code, found = run()
    assert (code, by_status(found)) == (1, {"locked/a.png": "failed", "b.png": "done"})
    assert found["locked/a.png"]["reason"] == "its result cannot be written: permission denied"


def test_something_in_the_place_of_a_folder(tmp_path, run):
    write_picture(tmp_path / "in" / "a.png")
    run()
    write_picture(tmp_path / "in" / "folder" / "b.png")
    (tmp_path / "out" / "folder").write_text("put here by somebody")
    code, found = run()
    assert (code, by_status(found)) == (1, {"a.png": "done", "folder/b.png": "failed"})
    assert "a file is in the place of a folder" in found["folder/b.png"]["reason"]
    assert (tmp_path / "out" / "folder").read_text() == "put here by somebody"


def test_a_file_that_may_not_be_read(tmp_path, run, monkeypatch):
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "in" / name)
    real = job.sha256_of

    def sha256_of(path):
        if path.name == "a.png" and path.parent.name == "in":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    monkeypatch.setattr(job, "sha256_of", sha256_of)
    code, found = run()
    assert (code, by_status(found)) == (1, {"a.png": "failed", "b.png": "done"})
    assert found["a.png"]["reason"] == "it cannot be read: permission denied"
    assert found["a.png"]["sha256_in"] is None


def test_the_work_folder_is_taken_away(tmp_path, run, monkeypatch):
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "in" / name)
    real = writing.version_of

    def version_of(path):
        shutil.rmtree(tmp_path / "out" / ".work", ignore_errors=True)
        return real(path)

    monkeypatch.setattr(job, "version_of", version_of)
    code, found = run()
    assert (code, by_status(found)) == (1, {"a.png": "failed", "b.png": "failed"})
    assert "a folder of the results vanished" in found["a.png"]["reason"]


class OnlySmall(torch.nn.Module):
    """Out of memory, out of words or out of numbers over images of certain widths."""

    def forward(self, x):
        width = x.shape[2]
        if width == 20:
            raise torch.OutOfMemoryError("tried to allocate")
        if width == 21:
            raise AssertionError("an odd side")
        return x * torch.nan if width == 22 else x


def test_faults_of_the_network_over_one_image(tmp_path, run, bundle):
    shutil.rmtree(bundle)
    network = {"_target_": f"{__name__}.OnlySmall"}
    sys.modules[__name__].OnlySmall = OnlySmall
    write_bundle(bundle, network, metadata=image_format(num_channels=1))
    for side in (16, 20, 21, 22, 24):
        write_picture(tmp_path / "in" / f"{side}.png", side=side)
    code, found = run()
    assert code == 1
    assert {path: row["status"] for path, row in found.items() if row["status"] == "done"} == {
        "16.png": "done",
        "24.png": "done",
    }
    for side, words in ((20, "more memory than there is"), (21, "cannot be applied"), (22, "NaN or infinity")):
        assert words in found[f"{side}.png"]["reason"]


def test_faults_of_decoders_in_this_process(tmp_path, run, monkeypatch):
    """MemoryError while a file is being read; the next one is read."""
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "in" / name)
    real = job.open_in_domain

    def open_in_domain(setup, path):
        if path == "a.png":
            raise MemoryError
        return real(setup, path)

    monkeypatch.setattr(job, "open_in_domain", open_in_domain)
    code, found = run()
    assert (code, by_status(found)) == (1, {"a.png": "failed", "b.png": "done"})
    assert "--memory" in found["a.png"]["reason"]


def test_a_frame_beyond_the_memory_allowed(tmp_path, run):
    write_picture(tmp_path / "in" / "large.png", side=300)
    write_picture(tmp_path / "in" / "small.png")
    code, found = run(memory=0.001)
    assert (code, by_status(found)) == (1, {"large.png": "failed", "small.png": "done"})
    assert "--memory 1 " in found["large.png"]["reason"]


def test_results_are_those_of_the_bundle(tmp_path, run, bundle):
    """That the network is there at all: everything above would pass with copies."""
    shutil.rmtree(bundle)
    shifting(bundle)
    write_picture(tmp_path / "in" / "a.png")
    assert run()[0] == 0
    before, after = (np.asarray(Image.open(tmp_path / name / "a.png")).astype(int) for name in ("in", "out"))
    assert (after == before + 51).all()
