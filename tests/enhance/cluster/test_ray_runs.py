# SPDX-License-Identifier: Apache-2.0
"""The command on two simulated machines: the local engine's results, whoever dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from enhance_commands import Command, is_alive, rows, tree
from enhance_inputs import write_picture

pytestmark = pytest.mark.slow
OWN = ("run.json", "manifest.jsonl", "report.html", "series.jsonl")


def lines(output):
    """Rows in the order in which they were written; a torn last line is none."""
    if not (output / "manifest.jsonl").exists():
        return []
    return [json.loads(line) for line in (output / "manifest.jsonl").read_bytes().split(b"\n")[:-1]]


def done(output):
    return [row["path"] for row in lines(output) if row["status"] == "done"]


def processes(output):
    """(pid of the actor, pid of its process) of all that have been at work."""
    return {tuple(map(int, path.name.split("-")[1:])) for path in output.glob(".work/*/*/busy-*")}


def wait_for_both(command, output, files=6):
    """Until both actors have finished some files."""
    command.wait_until(lambda: len(processes(output)) == 2 and len(done(output)) >= files, seconds=600)
    assert is_alive(command.pid), command.printed()
    return processes(output)


def wait_for_the_end(pids, seconds=20):
    end = time.monotonic() + seconds
    while any(map(is_alive, pids)):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_results_are_those_of_the_local_engine(command, output, is_whole):
    run = command(tasks="signed")
    actors = wait_for_both(run, output, files=1)
    assert run.wait() == 1, run.printed()
    assert len({actor for actor, _ in actors}) == 2
    assert is_whole(output)
    wait_for_the_end(pid for pair in actors for pid in pair)


@pytest.mark.parametrize("flags", [("--precision", "bfloat16"), ("--runtime", "onnx")], ids=" ".join)
def test_other_precisions_and_runtimes_too(command, output, bundle, tmp_path, flags):
    """The local engine's pixels, which in bfloat16 are others than in float32, and its report."""
    if "onnx" in flags:
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    for number in range(4):
        write_picture(tmp_path / "files" / f"{number}.png", seed=number)
    (output / "run.json").unlink()  # of a run with other settings
    made = {}
    for name, given in {"local": flags, "float32": ()}.items():
        arguments = [tmp_path / "files", tmp_path / name, "--bundle", bundle, "--device", "cpu", "--workers", "0"]
        run = Command([*arguments, *given], tmp_path)
        assert run.wait() == 0, run.printed()
        made[name] = results(tmp_path / name)
    run = command(*flags, source=tmp_path / "files")
    assert run.wait() == 0, run.printed()
    assert results(output) == made["local"] and len(made["local"]) == 4
    assert (made["local"] == made["float32"]) == ("onnx" in flags)
    assert flags[1].encode() in (output / "report.html").read_bytes()


def results(folder):
    return {path: content for path, content in tree(folder).items() if path.endswith(b".png")}


def test_an_actor_is_killed(command, output, is_whole):
    run = command(tasks="signed")
    before = wait_for_both(run, output)
    victim, process = min(before)
    os.kill(victim, signal.SIGKILL)
    assert run.wait() == 1, run.printed()
    assert is_whole(output)
    wait_for_the_end([victim, process])
    assert len(done(output)) == len(set(done(output)))


def test_a_machine_is_lost(command, output, is_whole, machines):
    run = command(tasks="signed")
    wait_for_both(run, output)
    machines.lose_second()
    try:
        assert run.wait() == 1, run.printed()
    finally:
        machines.add_second()
    assert is_whole(output)


def test_accidents(command, output, tmp_path):
    names = ["actor.png", "decoder.png", "killed.png", "unlucky.png", *(f"{n}.png" for n in range(8))]
    for number, name in enumerate(names):
        write_picture(tmp_path / "files" / name, seed=number)
    run = command(tasks="deadly", source=tmp_path / "files")
    assert run.wait() == 1, run.printed()
    found = rows(output)
    failed = {path: row["reason"] for path, row in found.items() if row["status"] == "failed"}
    assert set(failed) == {"actor.png", "decoder.png", "killed.png"}
    assert "died twice" in failed["actor.png"]
    assert "crashed a decoder (SIGSEGV)" in failed["decoder.png"]  # a process of the actor, as with the local engine
    assert "SIGKILL" in failed["killed.png"]
    assert {row["status"] for path, row in found.items() if path not in failed} == {"done"}
    assert sorted(found) == sorted(names)


def test_a_killed_run_goes_on_here_and_there(command, output, is_whole):
    run = command(tasks="signed")
    pids = wait_for_both(run, output)
    run.kill()
    wait_for_the_end(pid for pair in pids for pid in pair)
    kept = inodes(output, [path for path in done(output) if not path.endswith(".mhd")])
    run = command(engine="local", tasks="signed")
    run.wait_until(lambda: len(done(output)) >= len(kept) + 6)
    assert run.kill() == -signal.SIGKILL, "it was too quick"
    assert inodes(output, kept) == kept
    kept = inodes(output, [path for path in done(output) if not path.endswith(".mhd")])
    assert 12 <= len(kept) < 24
    run = command()
    assert run.wait() == 1, run.printed()
    assert inodes(output, kept) == kept
    assert is_whole(output)


def inodes(output, paths):
    """Of the results of some sources."""
    found = {row["path"]: row["output"] for row in lines(output)}
    return {path: (output / found[path]).stat().st_ino for path in paths}


def test_ctrl_c(command, output):
    run = command(tasks="signed")
    pids = wait_for_both(run, output)
    assert run.kill(signal.SIGINT) == 130
    assert b"interrupted; run the same command again to go on" in run.err.read_bytes()
    assert b"Traceback" not in run.printed()
    assert not (output / ".work").exists()
    wait_for_the_end(pid for pair in pids for pid in pair)


@pytest.mark.parametrize("workers", ["1", "0"])
def test_nothing_that_a_library_prints_is_kept_or_comes_through(command, output, machines, workers):
    run = command("--workers", workers, tasks="talkative")
    assert run.wait() == 1, run.printed()
    written = b"".join(path.read_bytes() for path in machines.logs.rglob("*") if path.is_file())
    assert len(written) > 10_000
    assert b"Doe" not in written + run.printed() + b"".join((output / name).read_bytes() for name in OWN)


def test_a_dry_run(command, output, reference):
    before = tree(output)
    run = command("--dry-run")
    assert run.wait() == 1, run.printed()
    assert [b"done", b"28"] in [line.split() for line in run.printed().splitlines()]
    assert tree(output) == before


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--workers", "2"], b"no machine of the cluster has 2 cores"),
        (["--device", "cuda"], b"and a GPU"),
        (["--address", "127.0.0.1:1"], b"--address 127.0.0.1:1: no Ray cluster can be used there"),
    ],
)
def test_a_cluster_that_cannot_be_used(command, flags, words):
    run = command(*flags)
    assert run.wait() == 2
    assert words in run.err.read_bytes()
    assert run.err.read_bytes().count(b"\n") < 4
