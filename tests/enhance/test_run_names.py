# SPDX-License-Identifier: Apache-2.0
"""The output mirrors the input, whatever its files are called; the input stays as it is."""

from __future__ import annotations

import json
import os

import pytest
from enhance_commands import rows, state, tree
from enhance_inputs import identity, mixed, write_mhd, write_picture, write_ultrasound

from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.runner import run_enhance
from monai_gradprom.formats import open_image

OWN = {b"run.json", b"manifest.jsonl", b"report.html", b"series.jsonl"}


@pytest.fixture
def run(tmp_path):
    """Run within this process; the exit code and the rows."""
    bundle = identity(tmp_path / "bundle")

    def run_here(**options):
        code = run_enhance(Options(tmp_path / "in", tmp_path / "out", bundle, device="cpu", workers=0, **options))
        return code, rows(tmp_path / "out")

    return run_here


def test_the_input_is_only_read_and_the_output_has_its_tree(tmp_path, run):
    folder = mixed(tmp_path / "in", count=2)
    before = tree(folder), state(folder)
    code, found = run()
    assert code == 1
    assert (tree(folder), state(folder)) == before
    assert set(map(os.fsencode, found)) == set(tree(folder))
    expected = {row["output"] for row in found.values() if row["status"] == "done"}
    expected |= {f"volumes/{n}.raw" for n in range(2)}  # pixels of the .mhd beside them
    assert set(tree(tmp_path / "out")) == set(map(os.fsencode, expected)) | OWN
    assert "pictures/photos/0.jpg.png" in expected
    for path, row in found.items():
        if row["status"] == "done":
            before, after = open_image(folder / path), open_image(tmp_path / "out" / row["output"])
            assert (before.read() == after.read()).all()
            assert after.shape == before.shape


ODD = [
    "with space.png",
    " leading.png",
    "new\nline.png",
    "tab\there",
    "quote'\"<b>&amp;.png",
    "back\\slash.png",
    "-rf.png",
    "~.png",
    "%s{}$HOME.png",
    "ÄÖß.png",
    "日本語.png",
    "e\u0301.png",
    "é.png",
    "a.png",
    "A.png",
    ".hidden.png",
    "dot.",
    "name." + 230 * "x",
    "x" * 60 + "/" + "y" * 200 + "/" + "z" * 200 + ".png",
    os.fsdecode(b"latin-\xe4\xff.png"),
    os.fsdecode(b"\xff\xfe/\x80.png"),
    "line\u2028separator.png",
]


@pytest.mark.parametrize("hash_paths", [False, True])
def test_names_of_all_kinds(tmp_path, run, capsys, hash_paths):
    picture = write_picture(tmp_path / "a.png").read_bytes()
    for name in ODD:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    code, found = run(hash_paths=hash_paths, thumbnails=True)
    assert (code, len(found)) == (0, len(ODD))
    results = {name: data for name, data in tree(tmp_path / "out").items() if name not in OWN}
    assert len(results) == len(ODD)
    if not hash_paths:
        assert set(found) == set(ODD)
        assert set(results) == set(map(os.fsencode, ODD))
    assert set(results) == {os.fsencode(row["output"]) for row in found.values()}
    manifest = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    assert manifest.isascii() and manifest.count(b"\n") == len(ODD)
    (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    inodes = state(tmp_path / "out" / found[min(found)]["output"])
    assert run(hash_paths=hash_paths, thumbnails=True)[0] == 0
    assert inodes == state(tmp_path / "out" / found[min(found)]["output"])


def test_a_name_that_has_no_room_for_its_suffix(tmp_path, run):
    write_picture(tmp_path / "in" / "a.jpg").rename(tmp_path / "in" / ("x" * 254))
    write_picture(tmp_path / "in" / "b.png")
    code, found = run()
    assert (code, found["b.png"]["status"]) == (1, "done")
    assert "its name is too long" in found["x" * 254]["reason"]


def test_two_files_that_want_one_name(tmp_path, run):
    """JPEG becomes PNG: a.jpg wants a.jpg.png."""
    write_picture(tmp_path / "in" / "a.jpg", seed=1)
    write_picture(tmp_path / "in" / "a.jpg.png", seed=2)
    code, found = run()
    assert code == 1
    assert {path: row["status"] for path, row in found.items()} == {"a.jpg": "done", "a.jpg.png": "failed"}
    assert "another file's" in found["a.jpg.png"]["reason"] and "rename" in found["a.jpg.png"]["reason"]
    # nor does the loser take anything away when it loses again
    assert {path: row["sha256_out"] for path, row in run()[1].items()} == {
        path: row["sha256_out"] for path, row in found.items()
    }
    same = (open_image(tmp_path / name).read() for name in ("in/a.jpg", "out/a.jpg.png"))
    assert (next(same) == next(same)).all()


def test_names_of_our_own(tmp_path, run):
    names = ["manifest.jsonl", "run.json", "report.html", "series.jsonl", ".work/a.png", "sub/run.json"]
    picture = write_picture(tmp_path / "a.png").read_bytes()
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(picture)
    code, found = run()
    assert code == 1
    assert {path for path, row in found.items() if row["status"] == "done"} == {"sub/run.json"}
    assert all("this program's own" in found[name]["reason"] for name in names[:-1])
    assert json.loads((tmp_path / "out" / "run.json").read_text())["program"] == "monai-gradprom enhance"
    assert run(resume=False, hash_paths=True)[0] == 0


def test_links(tmp_path, run):
    folder = tmp_path / "in"
    outside = write_picture(tmp_path / "elsewhere" / "secret.png")
    write_picture(folder / "a.png")
    (folder / "inside.png").symlink_to("a.png")
    (folder / "leaves.png").symlink_to(outside)
    (folder / "folder").symlink_to(outside.parent)
    (folder / "up").symlink_to("..")
    (folder / "loop").symlink_to("loop")
    (folder / "broken").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    before = state(folder)
    code, found = run()
    assert code == 1
    assert {path: row["status"] for path, row in found.items()} == {
        "a.png": "done",
        "inside.png": "done",
        "leaves.png": "skipped",
        "folder": "skipped",
        "up": "skipped",
        "loop": "failed",
        "broken": "failed",
        "pipe": "skipped",
    }
    assert all(found[name]["sha256_in"] is None for name in ("leaves.png", "folder", "pipe", "broken"))
    assert set(tree(tmp_path / "out")) == {b"a.png", b"inside.png"} | OWN
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
    assert state(folder) == before


def test_a_file_becomes_a_pipe_after_the_survey(tmp_path, run, monkeypatch):
    """Opening it would wait for ever."""
    from monai_gradprom.enhance import job

    write_picture(tmp_path / "in" / "a.png")
    real = job.enhance_file

    def enhance_file(setup, work, infer):
        (setup.input / work.path).unlink()
        os.mkfifo(setup.input / work.path)
        return real(setup, work, infer)

    monkeypatch.setattr(job, "enhance_file", enhance_file)
    code, found = run()
    assert (code, found["a.png"]["status"]) == (1, "failed")
    assert "changed while" in found["a.png"]["reason"]


def test_a_file_takes_another_s_place_after_the_survey(tmp_path, run, monkeypatch):
    """a.jpg and a.jpg.png went to two places when they were looked at; then a JPEG comes under a PNG's name."""
    from monai_gradprom.enhance import job

    write_picture(tmp_path / "b.jpg", seed=2)
    write_picture(tmp_path / "in" / "a.png", seed=1).rename(tmp_path / "in" / "a")
    write_picture(tmp_path / "in" / "a.png", seed=3)
    real = job.enhance_file

    def enhance_file(setup, work, infer):
        if work.path == "a":
            (setup.input / "a").write_bytes((tmp_path / "b.jpg").read_bytes())
        return real(setup, work, infer)

    monkeypatch.setattr(job, "enhance_file", enhance_file)
    code, found = run()
    assert (code, {path: row["status"] for path, row in found.items()}) == (1, {"a": "failed", "a.png": "done"})
    assert "changed while" in found["a"]["reason"]


@pytest.mark.parametrize("names", [[], ["notes.txt", "sub/data.csv", "empty"]])
def test_a_folder_without_images(tmp_path, run, capsys, names):
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("" if name == "empty" else "text")
    code, found = run()
    assert code == 0
    assert {row["status"] for row in found.values()} <= {"skipped"}
    assert set(found) == set(names)
    assert set(tree(tmp_path / "out")) == OWN
    assert "done" in capsys.readouterr().out


def test_hashed_names_leave_no_trace(tmp_path, run, capsys):
    """Of folders and files, in any text of the output, whatever becomes of them."""
    folder = tmp_path / "in"
    picture = write_picture(tmp_path / "a.png").read_bytes()
    names = ["Musterfrau Erika/Schaedel-1.png", "Musterfrau Erika/Kaputt-2.png", "Notiz-Doe.txt", "Doppelt-3.jpg"]
    for name in [*names, "Doppelt-3.jpg.png", "Film-4/Cine-Jane"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture)
    (folder / names[1]).write_bytes(picture[:60])
    (folder / names[2]).write_text("text")
    write_picture(folder / names[3])
    write_ultrasound(folder / "Film-4" / "Cine-Jane", 2)
    write_mhd(folder / "Feststoff-5.mhd").with_suffix(".raw").unlink()
    for name, data in (("Masse-6.mhd", "Kugel-7.raw"), ("Masse-8.mhd", "Quader-9.raw")):  # too short, missing
        header = write_mhd(folder / name)
        header.with_suffix(".raw").unlink()
        header.write_text(header.read_text().replace(header.with_suffix(".raw").name, data))
    (folder / "Kugel-7.raw").write_bytes(b"short")
    code, found = run(hash_paths=True, thumbnails=True)
    assert code == 1
    assert {row["status"] for row in found.values()} == {"done", "skipped", "failed"}
    output = tree(tmp_path / "out")
    texts = b"".join(data for name, data in output.items() if name in OWN) + b"\n".join(output)
    printed = capsys.readouterr()
    texts += printed.out.replace(str(tmp_path), "").encode() + printed.err.encode()
    for word in (
        "Musterfrau",
        "Erika",
        "Schaedel",
        "Kaputt",
        "Notiz",
        "Doe",
        "Doppelt",
        "Film-4",
        "Cine",
        "Feststoff",
        "Masse",
        "Kugel",
        "Quader",
    ):
        assert word.encode() not in texts
    assert str(folder).encode() not in texts
