# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from monai_gradprom.cli import main
from monai_gradprom.enhance import options
from monai_gradprom.enhance.options import Options


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """What the runner was called with; nothing is enhanced."""
    calls: list[Options] = []
    stand_in = types.ModuleType("monai_gradprom.enhance.runner")
    stand_in.run_enhance = lambda options: calls.append(options) or 1
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    for name in ("in", "bundle"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return calls


NEEDED = ["enhance", "in", "out", "--bundle", "bundle"]


def test_plain_call_has_the_defaults(runs):
    assert main(NEEDED) == 1
    assert runs == [Options(Path("in"), Path("out"), Path("bundle"))]


@pytest.mark.parametrize(("own", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_leave_the_cores_to_others_unless_the_user_says_so(runs, monkeypatch, own, found):
    monkeypatch.setenv("OMP_WAIT_POLICY", own or "")  # so that it is restored afterwards
    if own is None:
        del os.environ["OMP_WAIT_POLICY"]
    main(NEEDED)
    assert os.environ["OMP_WAIT_POLICY"] == found


EVERYTHING = """
    --device cpu --batch-size 2 --workers 3 --dry-run --no-resume --any-modality --series-description text
    --transfer-syntax rle --strength 0.5 --thumbnails --hash-paths --window -160 240 --tile-size 64 --memory 1.5
    --timeout 9 --engine ray --address auto --set scale_factor=4 --set a=b
"""


@pytest.mark.parametrize("spelling", ["-", "_"])
def test_every_flag_arrives_in_both_spellings(runs, spelling, monkeypatch):
    monkeypatch.setattr(options, "check_ray", lambda: None)  # it may not be installed
    flags = [
        f if f in ("--no-resume", "-160") else f.replace("--", "++").replace("-", spelling) for f in EVERYTHING.split()
    ]
    flags = [f.replace("++", "--") for f in flags]
    main(NEEDED + flags)
    assert runs == [
        Options(
            Path("in"),
            Path("out"),
            Path("bundle"),
            device="cpu",
            batch_size=2,
            workers=3,
            dry_run=True,
            resume=False,
            any_modality=True,
            series_description="text",
            transfer_syntax="rle",
            strength=0.5,
            thumbnails=True,
            hash_paths=True,
            window=(-160.0, 240.0),
            tile_size=64,
            memory=1.5,
            timeout=9.0,
            engine="ray",
            address="auto",
            settings={"scale_factor": "4", "a": "b"},
        )
    ]


def test_how_the_network_is_computed_arrives(runs):
    """Not together with Ray, nor with each other."""
    main([*NEEDED, "--runtime", "onnx", "--device", "cpu"])
    main([*NEEDED, "--precision", "bfloat16"])
    assert [(run.runtime, run.precision) for run in runs] == [("onnx", "float32"), ("torch", "bfloat16")]


def test_the_home_folder_is_understood(runs, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    main(["enhance", "~/in", "~/out", "--bundle", "~/bundle"])
    assert (runs[0].input, runs[0].output, runs[0].bundle) == (tmp_path / "in", tmp_path / "out", tmp_path / "bundle")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["enhance", "missing", "out", "--bundle", "bundle"], "INPUT missing does not exist"),
        (["enhance", "in", "in/out", "--bundle", "bundle"], "overlap"),
        (["enhance", "mis\nsing", "out", "--bundle", "bundle"], "INPUT mis\\nsing does not exist"),
        ([*NEEDED, "--strength", "2"], "--strength"),
        ([*NEEDED, "--set", "x"], "--set"),
        ([*NEEDED, "--strength", "much"], "--strength"),
        ([*NEEDED, "--strengt", "1"], "--strengt"),
        ([*NEEDED, "--transfer-syntax", "jpeg"], "jpeg"),
        (["enhance", "in", "out"], "--bundle"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2_before_anything_is_loaded(runs, capsys, arguments, words):
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert runs == []
    assert not Path("out").exists()


def test_a_mistake_loads_nothing_heavy(runs, tmp_path):
    code = """
import sys
from monai_gradprom.cli import main
assert main(["enhance", "in", "in/out", "--bundle", "bundle"]) == 2
print(sorted({"torch", "monai", "numpy", "pydicom"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[]\n"


def test_the_command_line_and_its_bookkeeping_load_nothing_heavy():
    code = """
import sys
import monai_gradprom.cli
print(sorted({"torch", "monai", "numpy", "pydicom"} & set(sys.modules)))
import monai_gradprom.enhance.record.index, monai_gradprom.enhance.record.run_record
import monai_gradprom.enhance.report.summary
import monai_gradprom.enhance.discovery, monai_gradprom.enhance.report.progress
print(sorted({"torch", "monai", "pydicom"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"


def test_help_answers_at_once():
    def seconds():
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "monai_gradprom.cli", "--help"], capture_output=True, check=True)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 0.5
