# SPDX-License-Identifier: Apache-2.0
"""What the command line promises: dry runs, exit codes, one run at a time, strength, Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from enhance_commands import Command, rows, state, tree
from enhance_inputs import identity, mixed, shifting, write_picture
from PIL import Image

from monai_gradprom.cli import main
from monai_gradprom.enhance.record.run_record import RunRecord

HEADER = "Nothing was written. A run would end like this, as far as headers tell:\n"


@pytest.fixture
def enhance(tmp_path):
    """The command within this process, on in, out and bundle; its exit code."""

    def enhance_here(*flags, workers=0):
        folders = [str(tmp_path / name) for name in ("in", "out")]
        given = ["--bundle", str(tmp_path / "bundle"), "--device", "cpu", "--workers", str(workers), *flags]
        return main(["enhance", *folders, *given])

    return enhance_here


@pytest.mark.parametrize("flags", [[], ["--any-modality"], ["--hash-paths"], ["--strength", "0.5"]])
def test_a_dry_run_writes_nothing_and_foretells_the_run(tmp_path, enhance, capsys, flags):
    mixed(tmp_path / "in", count=2)
    write_picture(tmp_path / "in" / "twin.jpg")
    write_picture(tmp_path / "in" / "twin.jpg.png")
    shifting(tmp_path / "bundle", modality="US")
    # what only pixels tell is not foretold
    (tmp_path / "in" / "pictures" / "cut.png").unlink()
    before = tree(tmp_path), state(tmp_path)
    code = enhance("--dry-run", *flags)
    assert (tree(tmp_path), state(tmp_path)) == before
    assert not (tmp_path / "out").exists()
    foretold = capsys.readouterr().out
    assert foretold.startswith(HEADER)
    assert enhance(*flags) == code == 1
    happened = capsys.readouterr().out.partition("report:")[0]
    assert foretold.removeprefix(HEADER).split() == happened.split()
    # with an output there, it is not touched either
    before = tree(tmp_path), state(tmp_path)
    assert enhance("--dry-run", *flags) == 1
    assert (tree(tmp_path), state(tmp_path)) == before


def test_a_dry_run_with_workers_and_a_new_output_deep_down(tmp_path, capsys):
    write_picture(tmp_path / "in" / "a.png")
    bundle = identity(tmp_path / "bundle")
    before = state(tmp_path / "in")
    arguments = [tmp_path / "in", tmp_path / "new" / "out", "--bundle", bundle, "--dry-run", "--workers", "1"]
    command = Command([*arguments, "--device", "cpu"], tmp_path)
    assert command.wait() == 0, command.printed()
    assert not (tmp_path / "new").exists()
    assert state(tmp_path / "in") == before


@pytest.mark.parametrize("strength", [0, 0.5, 1])
def test_strength(tmp_path, enhance, strength):
    write_picture(tmp_path / "in" / "a.png")
    shifting(tmp_path / "bundle", 40 / 255)
    assert enhance("--strength", str(strength)) == 0
    before, after = (np.asarray(Image.open(tmp_path / name / "a.png")).astype(float) for name in ("in", "out"))
    np.testing.assert_array_equal(after, before + strength * 40)
    (row,) = rows(tmp_path / "out").values()
    assert row["max_abs_change"] == np.abs(after - before).max()
    assert row["mean_abs_change"] == np.abs(after - before).mean()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--strength", "0.5"], "strength was 1.0, is 0.5"),
        (["--window", "0", "9"], "window was not given"),
        (["--hash-paths"], "hash paths"),
        (["--any-modality"], "any modality"),
        (["--transfer-syntax", "rle"], "transfer syntax"),
        (["--series-description", "text"], "series description"),
        (["--set", "inferer#tile_size=128"], "settings inferer#tile size"),
    ],
)
def test_other_settings_on_the_same_output_are_refused(tmp_path, enhance, capsys, flags, words):
    write_picture(tmp_path / "in" / "a.png")
    identity(tmp_path / "bundle")
    assert enhance() == 0
    before = state(tmp_path / "out")
    capsys.readouterr()
    for dry in ([], ["--dry-run"]):
        assert enhance(*flags, *dry) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1
        assert words in printed.err and "--no-resume" in printed.err
    assert state(tmp_path / "out") == before
    assert enhance(*flags, "--no-resume") == 0
    # and where it is done is no setting
    assert enhance(*flags, "--batch-size", "1", "--memory", "1", "--timeout", "9", "--thumbnails") == 0


def test_another_bundle_of_the_same_name_is_refused(tmp_path, enhance, capsys):
    write_picture(tmp_path / "in" / "a.png")
    shifting(tmp_path / "bundle", 0.2)
    assert enhance() == 0
    (tmp_path / "bundle").rename(tmp_path / "old")
    shifting(tmp_path / "bundle", 0.3)
    capsys.readouterr()
    assert enhance() == 2
    assert "weights differ" in capsys.readouterr().err


def test_a_second_process_on_the_same_output_is_refused(tmp_path, enhance, capsys):
    write_picture(tmp_path / "in" / "a.png")
    bundle = identity(tmp_path / "bundle")
    assert enhance() == 0
    with RunRecord.claim(tmp_path / "out", {}, resume=False):
        arguments = [tmp_path / "in", tmp_path / "out", "--bundle", bundle, "--device", "cpu", "--no-resume"]
        command = Command(arguments, tmp_path)
        assert command.wait() == 2
        assert b"another process is writing" in command.printed()
        assert command.printed().count(b"\n") == 1
    assert enhance("--no-resume") == 0


@pytest.mark.parametrize("missing", ["in", "bundle"])
def test_usage_is_exit_code_2_and_nothing_is_made(tmp_path, enhance, capsys, missing):
    for name in {"in", "bundle"} - {missing}:
        (tmp_path / name).mkdir()
    assert enhance() == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_broken_bundle_makes_no_output(tmp_path, enhance, capsys):
    write_picture(tmp_path / "in" / "a.png")
    identity(tmp_path / "bundle")
    (tmp_path / "bundle" / "configs" / "inference.json").write_text("{")
    assert enhance() == 2
    assert not (tmp_path / "out").exists()


def test_ctrl_c(tmp_path):
    """The exit code is a shell's; the hint works."""
    for number in range(30):
        write_picture(tmp_path / "in" / f"{number}.png", seed=number)
    bundle = identity(tmp_path / "bundle")
    output = tmp_path / "out"
    arguments = [tmp_path / "in", output, "--bundle", bundle, "--device", "cpu", "--workers", "2"]
    command = Command(arguments, tmp_path, tasks="slow")
    command.wait_until(lambda: (output / "manifest.jsonl").exists() and (output / "manifest.jsonl").stat().st_size)
    assert command.kill(signal.SIGINT) == 130
    assert command.err.read_text().endswith("monai-gradprom: interrupted; run the same command again to go on\n")
    assert "Traceback" not in command.err.read_text()
    assert not (output / ".work").exists()
    results = {path: path.stat().st_ino for path in output.glob("*.png")}
    assert 0 < len(results) < 30
    command = Command(arguments, tmp_path)
    assert command.wait() == 0, command.printed()
    assert len(rows(output)) == 30
    known = {path for path, inode in results.items() if path.stat().st_ino == inode}
    assert len(results) - len(known) <= 2  # what the two workers had just finished, and nobody noted


@pytest.mark.slow
def test_the_command_as_users_type_it(tmp_path):
    """On the sample data, with a real bundle, through the interpreter's own start."""
    root = Path(__file__).parents[2]
    folders = [str(root / "sample_data" / "clinical"), str(tmp_path / "out")]
    command = [sys.executable, "-m", "monai_gradprom.cli", "enhance", *folders]
    command += ["--bundle", str(root / "bundles" / "camus_denoise"), "--device", "cpu"]
    codes = [subprocess.run(command, capture_output=True, cwd=root).returncode for _ in range(2)]
    assert codes == [1, 1]
    found = rows(tmp_path / "out")
    assert set(map(str.encode, found)) == set(tree(root / "sample_data" / "clinical"))
    assert [path for path, row in found.items() if row["status"] == "failed"] == ["ultrasound/broken.dcm"]
    assert not (tmp_path / "out" / ".work").exists()
