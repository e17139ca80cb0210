# SPDX-License-Identifier: Apache-2.0
"""The same command again, after the input has changed."""

from __future__ import annotations

import errno
import os
import shutil

import numpy as np
import pytest
from enhance_commands import rows, tree
from enhance_inputs import pixels, shifting, write_mhd, write_picture, write_slice

from monai_gradprom.enhance import job, runner
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.record import earlier_results, manifest, reconcile
from monai_gradprom.enhance.runner import run_enhance


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run within this process; the rows, and the paths that were worked on (not found unchanged)."""
    bundle = shifting(tmp_path / "bundle")
    worked = []
    real = job._written
    monkeypatch.setattr(
        job, "_written", lambda setup, work, *rest: worked.append(work.path) or real(setup, work, *rest)
    )

    def run_here(output="out", **options):
        worked.clear()
        run_enhance(Options(tmp_path / "in", tmp_path / output, bundle, device="cpu", workers=0, **options))
        return rows(tmp_path / output), sorted(worked)

    return run_here


def same_as_fresh(tmp_path, run):
    """The output equals that of a run of the same date into a new folder, where all is done anew."""
    (tmp_path / "fresh").mkdir()
    shutil.copy(tmp_path / "out" / "run.json", tmp_path / "fresh")
    expected, _ = run("fresh")
    found = rows(tmp_path / "out")
    assert [{**row, "seconds": 0} for row in found.values()] == [{**row, "seconds": 0} for row in expected.values()]
    assert {k: v for k, v in tree(tmp_path / "out").items() if k not in (b"manifest.jsonl", b"report.html")} == {
        k: v for k, v in tree(tmp_path / "fresh").items() if k not in (b"manifest.jsonl", b"report.html")
    }
    return True


def test_only_what_is_new_or_changed_is_done(tmp_path, run):
    for number in range(4):
        write_picture(tmp_path / "in" / f"{number}.png", seed=number)
    (tmp_path / "in" / "text").write_text("text")
    assert run()[1] == ["0.png", "1.png", "2.png", "3.png"]
    assert run()[1] == []
    write_picture(tmp_path / "in" / "0.png", seed=9)
    write_picture(tmp_path / "in" / "4.png", seed=4)
    os.utime(tmp_path / "in" / "1.png", (0, 0))  # its bytes are the same
    assert run()[1] == ["0.png", "4.png"]
    assert same_as_fresh(tmp_path, run)


def test_a_result_that_was_changed_or_removed_is_made_again(tmp_path, run):
    for number in range(3):
        write_picture(tmp_path / "in" / f"{number}.png", seed=number)
    run()
    (tmp_path / "out" / "0.png").write_bytes(b"spoilt")
    (tmp_path / "out" / "1.png").unlink()
    assert run()[1] == ["0.png", "1.png"]
    assert same_as_fresh(tmp_path, run)


def test_pixels_beside_their_header_are_not_trusted(tmp_path, run):
    """sha256_in and sha256_out are of the headers."""
    write_mhd(tmp_path / "in" / "a.mhd")
    run()
    (tmp_path / "in" / "a.raw").write_bytes(pixels(5, 6, dtype=np.int16, seed=5).tobytes())
    assert run()[1] == ["a.mhd"]
    assert same_as_fresh(tmp_path, run)


def test_a_source_that_left_keeps_its_result_and_row(tmp_path, run):
    for name in ("a.png", "b/c.png"):
        write_picture(tmp_path / "in" / name)
    write_picture(tmp_path / "in" / "skipped.png").write_text("text")
    before, _ = run()
    shutil.rmtree(tmp_path / "in" / "b")
    (tmp_path / "in" / "skipped.png").unlink()
    found, worked = run()
    assert worked == []
    assert found == {path: before[path] for path in ("a.png", "b/c.png")}
    assert (tmp_path / "out" / "b" / "c.png").exists()
    run(resume=False)
    assert set(rows(tmp_path / "out")) == {"a.png"}
    assert not (tmp_path / "out" / "b").exists()


@pytest.mark.parametrize("content", [b"text", None])
def test_a_stale_result_goes(tmp_path, run, content):
    """Its source was enhanced, and is no image any more (None: is damaged)."""
    for name in ("a/b.png", "c.png"):
        path = write_picture(tmp_path / "in" / name)
    run()
    path = tmp_path / "in" / "a" / "b.png"
    path.write_bytes(path.read_bytes()[:90] if content is None else content)
    found, _ = run()
    assert found["a/b.png"]["status"] == ("failed" if content is None else "skipped")
    assert not (tmp_path / "out" / "a").exists()
    assert (tmp_path / "out" / "c.png").exists()
    assert same_as_fresh(tmp_path, run)


def test_pixels_of_a_stale_header_go_too(tmp_path, run):
    write_mhd(tmp_path / "in" / "a.mhd")
    run()
    assert (tmp_path / "out" / "a.raw").exists()
    (tmp_path / "in" / "a.mhd").write_text("text")
    run()
    assert same_as_fresh(tmp_path, run)


def test_a_file_that_becomes_another_kind(tmp_path, run):
    """As a JPEG its result has another name."""
    (tmp_path / "in").mkdir()
    write_picture(tmp_path / "a.png").rename(tmp_path / "in" / "a")
    run()
    write_picture(tmp_path / "a.jpg").rename(tmp_path / "in" / "a")
    run()
    assert set(tree(tmp_path / "out")) >= {b"a.png"}
    assert same_as_fresh(tmp_path, run)


def test_a_newcomer_whose_result_takes_the_place_of_another_s(tmp_path, run):
    """a.jpg and a.jpg.png both want a.jpg.png; the first in order has it."""
    write_picture(tmp_path / "in" / "a.jpg.png", seed=1)
    run()
    write_picture(tmp_path / "in" / "a.jpg", seed=2)
    found, _ = run()
    assert {path: row["status"] for path, row in found.items()} == {"a.jpg": "done", "a.jpg.png": "failed"}
    assert same_as_fresh(tmp_path, run)
    (tmp_path / "in" / "a.jpg").unlink()
    found, _ = run()
    assert found == {"a.jpg.png": found["a.jpg.png"]} and found["a.jpg.png"]["status"] == "done"


@pytest.mark.parametrize(("before", "after"), [("a.png", "a.png/b.png"), ("a.png/b.png", "a.png")])
def test_a_folder_in_the_place_of_a_file_and_the_other_way_round(tmp_path, run, before, after):
    write_picture(tmp_path / "in" / "other.png")
    picture = (tmp_path / "in" / "other.png").read_bytes()
    for name in (before, after):
        shutil.rmtree(tmp_path / "in")
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_bytes(picture)
        found, _ = run()
    assert found == {after: found[after]}
    assert found[after]["status"] == "done"
    assert same_as_fresh(tmp_path, run) if before == "a.png" else True


def test_making_room_may_be_cut_off(tmp_path, run, monkeypatch):
    """The result is gone, the manifest does not say so yet."""
    write_picture(tmp_path / "in" / "a.jpg.png", seed=1)
    run()
    write_picture(tmp_path / "in" / "a.jpg", seed=2)

    def cut_off(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(reconcile, "_note", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run()
    run()
    assert same_as_fresh(tmp_path, run)


def test_a_source_that_cannot_be_read_this_time_keeps_its_result(tmp_path, run, monkeypatch):
    """A share that is away must not cost what was made of it."""
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / "in" / name)
    before, _ = run()
    real = job.sha256_of

    def away(path):
        if path == tmp_path / "in" / "a.png":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(job, "sha256_of", away)
        for _ in range(2):
            found, _ = run()
            assert found["a.png"]["status"] == "failed"
            assert "input/output" in found["a.png"]["reason"]
            assert (tmp_path / "out" / "a.png").exists()
            assert found["a.png"]["output"] == "a.png"  # so that --no-resume will find it
    found, _ = run()
    assert {path: row["status"] for path, row in found.items()} == {"a.png": "done", "b.png": "done"}
    assert found["b.png"] == before["b.png"]
    # and one that has become something else meanwhile does not
    with monkeypatch.context() as patch:
        patch.setattr(job, "sha256_of", away)
        run()
    (tmp_path / "in" / "a.png").write_text("text")
    run()
    assert same_as_fresh(tmp_path, run)


def test_a_newcomer_that_widens_the_window_of_its_series(tmp_path, run):
    """All slices go through one map, so all are done again; other series are not."""
    for number in range(3):
        values = pixels(8, 8, dtype=np.uint16, seed=number)
        write_slice(tmp_path / "in" / f"{number}.dcm", values, number, WindowCenter=50, WindowWidth=100)
        write_slice(tmp_path / "in" / "b" / f"{number}", values, number, "1.2.4", WindowCenter=50, WindowWidth=100)
    run()
    values = pixels(8, 8, dtype=np.uint16, seed=3)
    write_slice(tmp_path / "in" / "3.dcm", values, 3, WindowCenter=200, WindowWidth=400)
    assert run()[1] == ["0.dcm", "1.dcm", "2.dcm", "3.dcm"]
    assert same_as_fresh(tmp_path, run)
    assert run()[1] == []


def test_doing_a_series_again_may_be_cut_off(tmp_path, run, monkeypatch):
    """Wherever it is: before the new window is noted, after it, and between two of the files."""
    for number in range(3):
        values = pixels(8, 8, dtype=np.uint16, seed=number)
        write_slice(tmp_path / "in" / f"{number}.dcm", values, number, WindowCenter=50, WindowWidth=100)
    run()
    write_slice(tmp_path / "in" / "3.dcm", values, 3, WindowCenter=200, WindowWidth=400)

    def cut_off(*arguments):
        raise KeyboardInterrupt

    for place, name in ((reconcile.SeriesRecord, "write"), (runner, "_enhanced")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, cut_off)
            with pytest.raises(KeyboardInterrupt):
                run()
    real = runner.keep_books
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(runner, "keep_books", lambda *a: real(*a) if calls.append(1) or len(calls) < 3 else cut_off())
        with pytest.raises(KeyboardInterrupt):
            run()
    assert run()[1] == ["2.dcm", "3.dcm"]
    assert same_as_fresh(tmp_path, run)


def test_resuming_does_not_make_the_manifest_grow(tmp_path, run, monkeypatch):
    """A killed run that is taken up a hundred times must not fill the disk with what it knew before."""
    for number in range(3):
        write_picture(tmp_path / "in" / f"{number}.png")
    run()
    size = (tmp_path / "out" / "manifest.jsonl").stat().st_size
    monkeypatch.setattr(manifest.Manifest, "compact", lambda *a: None)
    run()
    assert (tmp_path / "out" / "manifest.jsonl").stat().st_size == size


def test_starting_over_does_everything_again(tmp_path, run):
    for number in range(3):
        write_picture(tmp_path / "in" / f"{number}.png")
    run()
    (tmp_path / "out" / "mine.txt").write_text("put here by somebody")
    shutil.copy(tmp_path / "out" / "1.png", tmp_path / "out" / "copy.png")
    assert run(resume=False, strength=0.5)[1] == ["0.png", "1.png", "2.png"]
    assert (tmp_path / "out" / "mine.txt").read_text() == "put here by somebody"
    assert (tmp_path / "out" / "copy.png").exists()
    assert earlier_results.SERIES == "series.jsonl"
