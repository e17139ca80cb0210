# SPDX-License-Identifier: Apache-2.0
"""Nothing is written outside of OUTPUT, and nothing outside of INPUT is read, whatever names and links say."""

from __future__ import annotations

import os

import numpy as np
import pytest
from dicom_datasets import write_dicom
from enhance_commands import rows, state, tree
from enhance_inputs import identity, write_mhd, write_picture

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance
from monai_gradprom.errors import InputError

SECRET = b"what nobody may see" * 30


def elsewhere(folder):
    """Inodes, sizes and times outside of OUTPUT."""
    here, output = os.fsencode(folder), os.fsencode(folder / "out")
    return {
        path: about for path, about in state(folder).items() if not path.startswith(output) and path != here + b"/."
    }


@pytest.fixture
def run(tmp_path):
    """Run within this process; the exit code and the rows. Nothing but OUTPUT may change."""
    bundle = identity(tmp_path / "bundle")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.raw").write_bytes(SECRET)

    def run_here(**options):
        before = elsewhere(tmp_path)
        code = run_enhance(Options(tmp_path / "in", tmp_path / "out", bundle, device="cpu", workers=0, **options))
        assert elsewhere(tmp_path) == before
        assert not any(SECRET in data for data in tree(tmp_path / "out").values())
        return code, rows(tmp_path / "out")

    return run_here


ELSEWHERE = [
    "../outside/secret.raw",
    "{absolute}",
    "..",
    ".",
    "sub/../../outside/secret.raw",
    "link.raw",
    "a.mhd",
    "a%d",
    "",
]


def test_metaimage_headers_that_name_other_files(tmp_path, run):
    for number, name in enumerate(ELSEWHERE):
        path = write_mhd(tmp_path / "in" / f"{number}" / "a.mhd")
        text = path.read_text().replace("a.raw", name.format(absolute=tmp_path / "outside" / "secret.raw"))
        path.write_text(text)
        (path.parent / "a.raw").unlink()
        (path.parent / "link.raw").symlink_to(tmp_path / "outside" / "secret.raw")
    code, found = run()
    assert code == 1
    headers = {path: row for path, row in found.items() if path.endswith("a.mhd")}
    assert len(headers) == len(ELSEWHERE)
    assert all(row["status"] in ("failed", "skipped") and row["reason"] for row in headers.values())
    assert all(found[f"{n}/link.raw"]["reason"].startswith("a link that leaves") for n in range(len(ELSEWHERE)))


def test_pixels_of_a_metaimage_take_no_other_result_s_place(tmp_path, run):
    """a.mhd, whose pixels are b.raw, beside files of its own that have all the usual names."""
    path = write_mhd(tmp_path / "in" / "a.mhd")
    (path.parent / "a.raw").rename(path.parent / "b.raw")
    path.write_text(path.read_text().replace("a.raw", "b.raw"))
    names = ["a.raw", "a.mhd.raw"]
    for seed, name in enumerate(names):
        write_picture(tmp_path / f"{seed}.png", seed=seed).rename(tmp_path / "in" / name)
    code, found = run()
    assert (code, [found[name]["status"] for name in ("a.mhd", *names)]) == (0, ["done"] * 3)
    for name in names:
        assert (tmp_path / "out" / name).read_bytes()[:4] == b"\x89PNG"


def test_uids_and_texts_that_look_like_paths(tmp_path, run):
    for number, text in enumerate(("../../outside/x", "/etc/passwd", "..\\..\\x", "a\0b", "." * 64)):
        uids = dict.fromkeys(("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"), text)
        write_dicom(tmp_path / "in" / f"{number}", np.ones((4, 4), np.uint8), PatientID=text, **uids)
    _, found = run()
    assert {row["status"] for row in found.values()} <= {"done", "failed"}
    results = {os.fsdecode(name) for name in tree(tmp_path / "out")}
    assert results - {"run.json", "manifest.jsonl", "report.html", "series.jsonl"} <= set(found)


def test_loops_of_links_in_the_input(tmp_path, run):
    folder = tmp_path / "in"
    write_picture(folder / "a" / "b.png")
    (folder / "a" / "up").symlink_to("..")
    (folder / "a" / "itself").symlink_to(".")
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")
    (folder / "absolute").symlink_to(folder)
    code, found = run()
    assert code == 1
    assert {path: row["status"] for path, row in found.items()} == {
        "a/b.png": "done",
        "a/up": "skipped",
        "a/itself": "skipped",
        "absolute": "skipped",
        "one": "failed",
        "two": "failed",
    }


def test_links_in_the_output(tmp_path, run):
    """Put there between two runs: a folder that leads out, and a file."""
    for name in ("sub/a.png", "b.png", "c/d/e.png"):
        write_picture(tmp_path / "in" / name)
    assert run()[0] == 0
    for name in ("sub/a.png", "b.png", "c/d/e.png"):
        write_picture(tmp_path / "in" / name, seed=1)  # so that all have to be done again
        (tmp_path / "out" / name).unlink()
    for place in ("sub", "c/d"):
        (tmp_path / "out" / place).rmdir()
        (tmp_path / "out" / place).symlink_to(tmp_path / "outside")
    (tmp_path / "out" / "b.png").symlink_to(tmp_path / "outside" / "secret.raw")
    code, found = run()
    assert (code, {path: row["status"] for path, row in found.items()}) == (
        1,
        {"sub/a.png": "failed", "c/d/e.png": "failed", "b.png": "done"},
    )
    assert "a link is in the place of a folder" in found["sub/a.png"]["reason"]
    assert not (tmp_path / "out" / "b.png").is_symlink()


@pytest.mark.parametrize("name", ["manifest.jsonl", ".work", ".work/lock"])
def test_links_in_the_place_of_our_own_files(tmp_path, run, name):
    write_picture(tmp_path / "in" / "a.png")
    assert run()[0] == 0
    place = tmp_path / "out" / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(tmp_path / "outside" / "secret.raw" if name != ".work" else tmp_path / "outside")
    with pytest.raises(InputError, match=r"link|cannot be written"):
        run()
    assert tree(tmp_path / "outside") == {b"secret.raw": SECRET}


@pytest.mark.parametrize("name", ["run.json", "report.html", "series.jsonl"])
def test_what_is_replaced_does_not_go_through_a_link(tmp_path, run, name):
    write_picture(tmp_path / "in" / "a.png")
    assert run()[0] == 0
    target = tmp_path / "outside" / name
    (tmp_path / "out" / name).rename(target)
    before = target.read_bytes()
    (tmp_path / "out" / name).symlink_to(target)
    run(resume=name != "run.json")
    assert target.read_bytes() == before
