# SPDX-License-Identifier: Apache-2.0
"""The runner with processes that do nothing but leave files."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from pathlib import Path

import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.experiments.records import read_record
from monai_gradprom.experiments.running import process, runner
from monai_gradprom.experiments.running.runner import run_plan

FAKE = (sys.executable, str(Path(__file__).parents[2] / "fake_bundle_run.py"))


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """What the processes were told, in the order in which they started."""
    path = tmp_path / "journal"
    path.touch()
    monkeypatch.setenv("JOURNAL", str(path))
    monkeypatch.setattr(process, "COMMAND", FAKE)
    monkeypatch.setattr(runner, "_SECONDS", 0.01)
    monkeypatch.setattr(runner, "_SHOW_EVERY", 1)

    def read(field="args"):
        return [json.loads(line)[field] for line in path.read_text().splitlines()]

    return read


@pytest.fixture
def behave(monkeypatch):
    """What processes do in output folders whose names start so."""
    return lambda **what: monkeypatch.setenv(
        "BEHAVIOUR", json.dumps({k.replace("__", "/"): v for k, v in what.items()})
    )


def told(journal):
    """Folder and kind of each process, such as ``joint`` and ``gradprom evaluation``."""
    names = []
    for args in journal():
        path = Path(args["output_dir"])
        parts = [path.parent.name.split("_max")[0], path.name] if path.name == "evaluation" else [path.name]
        names.append("warm-up" if path.parent.name == "warm_ups" else " ".join([*parts]).split("_max")[0])
    return names


def record_of(run):
    return read_record(run.folder)


def test_warm_ups_come_first_and_finished_runs_are_never_run_again(plan, journal, tmp_path):
    grid = plan(strategy=("joint", "gradprom"))
    outcome = run_plan(grid, tmp_path / "runs")
    assert (outcome.finished_before, outcome.done, outcome.failed) == (0, 2, {})
    assert told(journal) == ["warm-up", "joint", "joint evaluation", "gradprom", "gradprom evaluation"]
    warm_up, train, evaluate = journal()[:3]
    assert train["resume"] is True and evaluate["weights"] == str(grid.runs[0].folder / "model.pt")
    assert evaluate["recognizer_weights"] == str(grid.runs[0].folder)
    assert train["train#checkpoint#start"] == warm_up["output_dir"]
    record = record_of(grid.runs[0])
    assert record["stages"]["train"]["updates"] == 6 and record["versions"]["torch"]
    assert record["switches"]["strategy"] == "joint" and record["switches"]["noise_sigma"] == 0.1
    for name in ("train.args.json", "train.config.json", "train.log", "evaluate.config.json"):
        assert (grid.runs[0].folder / name).is_file()
    # the same command, and one that grew
    outcome = run_plan(plan(strategy=("joint", "gradprom")), tmp_path / "runs")
    assert (outcome.finished_before, outcome.done, len(journal())) == (2, 0, 5)
    outcome = run_plan(plan(strategy=("joint", "gradprom", "frozen")), tmp_path / "runs")
    assert (outcome.finished_before, outcome.done) == (2, 1)
    assert told(journal)[5:] == ["frozen", "frozen evaluation"]  # and its warm-up is there


def test_a_failure_is_recorded_and_the_rest_goes_on(plan, journal, behave, tmp_path):
    grid = plan(strategy=("frozen", "joint", "gradprom"), warmup_epochs=0)
    behave(frozen="fail", joint="crash")
    outcome = run_plan(grid, tmp_path / "runs")
    frozen, joint, gradprom = grid.runs
    assert outcome.done == 1
    assert outcome.failed == {
        frozen.name: "train: --noise_sigma must be a number. (exit code 1)",
        joint.name: "train: RuntimeError: no memory left on the device (exit code 1)",
    }
    assert record_of(frozen)["failed"] == {"stage": "train", "reason": outcome.failed[frozen.name]}
    assert record_of(gradprom)["failed"] is None
    behave()
    outcome = run_plan(plan(strategy=("frozen", "joint", "gradprom"), warmup_epochs=0), tmp_path / "runs")
    assert (outcome.finished_before, outcome.done, outcome.failed) == (1, 2, {})
    assert record_of(frozen)["failed"] is None


def test_a_failed_evaluation_does_not_train_again(plan, journal, behave, tmp_path):
    grid = plan(strategy="joint")
    behave(**{f"{grid.runs[0].name}__evaluation": "fail"})
    assert run_plan(grid, tmp_path / "runs").failed[grid.runs[0].name].startswith("evaluate: ")
    behave()
    assert run_plan(plan(strategy="joint"), tmp_path / "runs").done == 1
    assert told(journal) == ["joint", "joint evaluation", "joint evaluation"]


def test_a_failed_warm_up_leaves_each_run_to_itself(plan, journal, behave, tmp_path):
    grid = plan(strategy=("joint", "gradprom"))
    behave(**{grid.warm_ups[0].folder.name: "fail"})
    outcome = run_plan(grid, tmp_path / "runs")
    assert (outcome.done, outcome.failed) == (2, {})
    assert not any("train#checkpoint#start" in args for args in journal())


def test_a_process_that_a_signal_ends_goes_on(plan, journal, behave, tmp_path):
    behave(joint="kill once", frozen="kill always")
    grid = plan(strategy=("joint", "frozen"), warmup_epochs=0)
    outcome = run_plan(grid, tmp_path / "runs")
    assert outcome.done == 1 and outcome.failed == {grid.runs[1].name: "train: ended by SIGKILL"}
    assert told(journal) == [*["joint"] * 2, *["joint evaluation"] * 2, *["frozen"] * 3]


def test_several_at_a_time_each_on_its_device(plan, journal, behave, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    most = []
    show = runner._Schedule._look_after

    def look(self, bar):
        most.append([self.running[unit] for unit in self.running])
        show(self, bar)

    monkeypatch.setattr(runner._Schedule, "_look_after", look)
    run_plan(plan(strategy="joint", seed=tuple(range(6))), tmp_path / "runs", jobs=2, devices=["cpu", "cuda:0"])
    assert max(map(len, most)) == 4
    assert sorted(max(most, key=len)) == ["cpu", "cpu", "cuda:0", "cuda:0"]
    assert {args["device"] for args in journal()} == {"$torch.device('cpu')", "$torch.device('cuda:0')"}


def test_two_runners_do_not_share_a_folder(plan, journal, tmp_path):
    from monai_gradprom.enhance.record.lock import FolderLock

    (tmp_path / "runs").mkdir()
    lock = FolderLock(tmp_path / "runs" / ".compare")
    with pytest.raises(InputError, match="another process is writing"):
        run_plan(plan(strategy="joint"), tmp_path / "runs")
    lock.release()
    assert journal() == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere runs outlive their runner")
def test_killed_with_its_runner_and_continued(plan, journal, behave, tmp_path):
    def grid():
        return plan(strategy=("joint", "frozen"), warmup_epochs=0)

    behave(frozen="hang")
    first = multiprocessing.get_context("fork").Process(target=run_plan, args=(grid(), tmp_path / "runs"))
    first.start()
    try:
        until(lambda: any((tmp_path / "runs").glob("frozen*/started")))
    finally:
        first.kill()
        first.join()
    hanging = Path(f"/proc/{journal('pid')[-1]}/stat")
    until(lambda: not hanging.exists() or hanging.read_text().split()[2] == "Z")
    behave()
    outcome = run_plan(grid(), tmp_path / "runs")
    assert (outcome.finished_before, outcome.done, outcome.failed) == (1, 1, {})
    assert told(journal) == ["joint", "joint evaluation", "frozen", "frozen", "frozen evaluation"]


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
