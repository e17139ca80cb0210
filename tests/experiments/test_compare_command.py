# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom compare` from the command line to its exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from monai_gradprom.cli import main
from monai_gradprom.experiments import compare as command
from monai_gradprom.experiments.running import process, runner

CAMUS = str(Path(__file__).parents[2] / "bundles" / "camus_denoise")
FAKE = (sys.executable, str(Path(__file__).parents[1] / "fake_bundle_run.py"))


@pytest.fixture
def run(camus_archive, tmp_path, monkeypatch):
    """Run the command on a miniature archive; its processes only leave files."""
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setattr(process, "COMMAND", FAKE)
    monkeypatch.setattr(runner, "_SECONDS", 0.01)

    def go(*words):
        start = ["compare", "--bundle", CAMUS, "--output", str(tmp_path / "runs"), "--dataset_dir", str(camus_archive)]
        return main([*start, *words])

    return go


def started(tmp_path):
    path = tmp_path / "journal"
    return [json.loads(line)["args"] for line in path.read_text().splitlines()] if path.exists() else []


def test_rare_validations_are_told_once(run, capsys):
    assert run("--strategy", "joint", "detached", "--max_epochs", "12", "--val_interval", "4", "--dry-run") == 0
    assert capsys.readouterr().err.count("note: --max_epochs 12 with --val_interval 4 validates at epoch 8") == 1
    assert run("--strategy", "joint", "--max_epochs", "12", "--val_interval", "2", "--dry-run") == 0
    assert "note" not in capsys.readouterr().err


def test_a_grid_is_listed_run_and_passed_over(run, tmp_path, capsys):
    grid = ("--strategy", "enhancer_only", "joint", "--supervised", "true", "yes", "--seed=4", "--device", "cpu")
    assert run(*grid, "--dry-run") == 0 and "2 runs, 1 warm-ups" in capsys.readouterr().out  # true and yes are the same
    grid = ("--strategy", "enhancer_only", "joint", "--supervised", "true", "no", "--seed=4", "--device", "cpu")
    assert run(*grid, "--dry-run") == 0
    said = capsys.readouterr().out
    assert said.count("to do: train, evaluate") == 3 and "3 runs, 1 warm-ups" in said
    assert not (tmp_path / "runs").exists() and started(tmp_path) == []
    assert run(*grid) == 0
    assert "3 runs finished, 0 failed" in capsys.readouterr().out
    assert len(started(tmp_path)) == 7 and all(args["device"] == "$torch.device('cpu')" for args in started(tmp_path))
    assert json.loads((tmp_path / "runs" / "grid.json").read_text())["runs"]
    assert run(*grid, "--dry_run") == 0 and capsys.readouterr().out.count(": finished") == 3
    assert run(*grid) == 0 and len(started(tmp_path)) == 7


def test_a_fixed_recognizer_is_one_more_process_with_the_runs_enhancer(run, tmp_path, capsys):
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "recognizer_segmentation.pt").write_bytes(b"")
    assert run("--strategy", "joint", "--fixed_recognizer", str(tmp_path / "judge")) == 0
    own, fixed = started(tmp_path)[-2:]
    assert own["weights"] == fixed["weights"] and own["output_dir"] != fixed["output_dir"]
    assert fixed["recognizer_weights"] == str(tmp_path / "judge")


def test_a_failed_run_is_exit_code_1(run, monkeypatch, capsys):
    monkeypatch.setenv("BEHAVIOUR", json.dumps({"joint": "fail"}))
    assert run("--strategy", "joint", "frozen", "--warmup_epochs", "0") == 1
    said = capsys.readouterr()
    assert "1 runs finished, 1 failed" in said.out and "train: --noise_sigma must be a number." in said.out


@pytest.mark.parametrize(
    "words, said",
    [
        (["--noise_sgima", "0.1"], "did you mean --noise_sigma"),
        (["--strategy", "joint", "--gate_every", "2"], None),  # a gate's switch says nothing to joint
        (["--strategy", "gradprom", "--gate_every", "0"], "--gate_every must be a whole number"),
        (["--jobs", "0"], "--jobs 0"),
        (["--figures", "panel"], "did you mean 'panels'"),
        (["--test-on", "bundles"], "lacks configs/train.json"),
        (["--test-on", "bundles/lizard_sr=/nowhere"], "there is no folder /nowhere"),
        (["--fixed-recognizer", "/nowhere"], "--fixed-recognizer /nowhere: no recognizer_*.pt is there"),
        (["--seed"], "--seed has no value"),
        (["--dataset_dir", "/nowhere"], "--dataset_dir is given twice"),
    ],
)
def test_a_mistake_is_exit_code_2_and_one_line(run, words, said, tmp_path, capsys):
    assert run(*words, "--dry-run") == (0 if said is None else 2)
    error = capsys.readouterr().err
    assert started(tmp_path) == []
    if said is not None:
        assert said in error and error.startswith("monai-gradprom: error: ") and error.count("\n") == 1


def test_other_commands_still_refuse_what_they_do_not_know(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["sample-data", "somewhere", "--strategy", "joint"])
    assert caught.value.code == 2 and "unrecognized arguments: --strategy joint" in capsys.readouterr().err


def test_tracking_is_monais_in_one_data_base(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_require_tracking", lambda tracking: None)
    assert run("--strategy", "joint", "--tracking", "mlflow") == 0
    (folder,) = (path.parent for path in (tmp_path / "runs").glob("*/record.json"))
    for args in started(tmp_path):
        assert args["tracking"] == "mlflow" and args["run_name"] == folder.name
        assert args["tracking_uri"] == f"sqlite:///{tmp_path / 'runs' / 'mlruns.db'}"
        assert args["experiment_name"] == "camus_denoise"


def test_tracking_without_mlflow_is_refused_first(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert run("--strategy", "joint", "--tracking", "mlflow") == 2
    assert "pip install 'monai-gradprom[tracking]'" in capsys.readouterr().err
    assert started(tmp_path) == []
