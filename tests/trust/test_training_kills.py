# SPDX-License-Identifier: Apache-2.0
"""Training that is killed at random, again and again, ends as the one that nobody killed; in one process and in two.

What is killed is `python -m monai.bundle run` of a whole recipe (pre-training, warm-up, gate, validation, best models,
checkpoints within epochs). Moments are drawn with a seed that is printed; ``KILL_SEED`` in the environment sets it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_commands import Training, arguments, free_port
from training_journal import read_journal

KILLED = -signal.SIGKILL
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, switches_for):
    """The folder of a training that nobody kills, and how many operations on files it took."""
    made = {}

    def get(world=1):
        if world not in made:
            folder = tmp_path_factory.mktemp("uninterrupted")
            run = Training(switches_for(folder / "out", world), folder / "log", world)
            assert run.wait() == [0] * world, run.printed()
            made[world] = folder / "out", run.operations()
        return made[world]

    return get


def start(switches, folder, world, **how):
    return Training(switches, folder / "log", world, slow=0.01, **how)


def kill_at_an_operation(chance, switches, folder, world, operations):
    """Between two steps of writing, renaming and removing files; the other process goes with the first."""
    return with_its_partner(start(switches, folder, world, die_at=chance.randint(1, operations)))


def kill_within_a_file(chance, switches, folder, world, operations):
    """When half of a checkpoint or of a model is written."""
    return with_its_partner(start(switches, folder, world, tear_at=chance.randint(1, 5)))


def with_its_partner(run):
    while not run.ended() and run.code(0) is None:
        time.sleep(0.005)
    run.kill()
    return run


def kill_at_a_moment(chance, switches, folder, world, operations):
    """After some iterations more, or at any time."""
    run = start(switches, folder, world)
    journal = Path(switches["output_dir"]) / "journal-0.jsonl"
    wanted = chance.choice([0, 1, 2, 4, 7])
    until = lines(journal) + wanted
    while wanted and lines(journal) < until and not run.ended():
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.1 if wanted else 1.5))
    run.kill()
    return run


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def finish(switches, folder, world):
    run = Training(switches, folder / "log", world)
    assert run.wait() == [0] * world, run.printed()[-5000:]


def kill_often(chance, switches, folder, world, operations, kills):
    """Kill until ``kills`` have hit; True if the run came to its end before that."""
    for number in range(kills):
        how = (kill_within_a_file, kill_at_a_moment, kill_at_an_operation)[number % 3]
        codes = how(chance, switches, folder, world, operations).wait()
        if set(codes) == {0}:  # it was quicker
            return number
        assert KILLED in codes, (folder / "log").read_text()[-5000:]
    return kills


@pytest.mark.parametrize("world, kills", [(1, 3), (2, 2)])
def test_a_few_kills(chance, switches_for, uninterrupted, assert_same_run, tmp_path, world, kills):
    whole, operations = uninterrupted(world)
    switches = switches_for(tmp_path / "out", world)
    assert kill_often(chance, switches, tmp_path, world, operations // 3, kills) > 0
    finish(switches, tmp_path, world)
    assert_same_run(tmp_path / "out", whole, world)


@pytest.mark.slow
@pytest.mark.parametrize("world, kills", [(1, 30), (2, 30)])
def test_many_kills(chance, switches_for, uninterrupted, assert_same_run, tmp_path, world, kills):
    whole, operations = uninterrupted(world)
    hit, again = 0, 0
    while hit < kills:
        folder = tmp_path / str(hit)
        folder.mkdir()
        switches = switches_for(folder / "out", world)
        hit += kill_often(chance, switches, folder, world, operations // 2, kills=3)
        finish(switches, folder, world)
        assert_same_run(folder / "out", whole, world)
        again += sum(len(lines) - 1 for lines in read_journal(folder / "out" / "journal-0.jsonl").values())
        shutil.rmtree(folder)
    assert again > kills / 2  # iterations that were lost and done again


@pytest.mark.slow
def test_a_kill_before_every_operation_on_files(switches_for, uninterrupted, assert_same_run, tmp_path):
    whole, operations = uninterrupted()
    for number in range(1, operations + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        switches = switches_for(folder / "out")
        assert Training(switches, folder / "log", die_at=number).wait() == [KILLED]
        finish(switches, folder, 1)
        assert_same_run(folder / "out", whole)
        shutil.rmtree(folder)


def test_a_process_whose_partner_is_killed_ends_too(switches_for, tmp_path):
    """Instead of waiting for it, and holding a GPU, for ever."""
    run = Training(switches_for(tmp_path / "out", 2), tmp_path / "log", 2)
    while not (tmp_path / "out" / "gate.csv").exists() and not run.ended():
        time.sleep(0.005)
    run.kill(1)
    begin = time.monotonic()
    first, second = run.wait()
    assert second == KILLED and first not in (0, KILLED)
    assert time.monotonic() - begin < 30


def kill_with_children(pid):
    """Torchrun's processes are in sessions of their own, and would go on without it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(pid, signal.SIGKILL)
    for child in children:
        with contextlib.suppress(OSError):
            kill_with_children(int(child))


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are found below /proc")
@pytest.mark.parametrize("world", [1, 2])
def test_real_commands(chance, switches_for, uninterrupted, assert_same_run, tmp_path, world):
    """As one types them: `python -m monai.bundle run`, and torchrun with all that it has started."""
    whole, _ = uninterrupted(world)
    switches = switches_for(tmp_path / "out", world)
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node=2", f"--master_port={free_port()}"]
    command = [sys.executable, *(torchrun if world > 1 else []), "-m", "monai.bundle", *arguments(switches)]
    more = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
    with (tmp_path / "log").open("ab") as log:
        for _ in range(3):
            run = subprocess.Popen(
                command, env=os.environ | more, stdout=log, stderr=log, start_new_session=True, cwd=tmp_path
            )
            end = time.monotonic() + 300
            journal = tmp_path / "out" / "journal-0.jsonl"
            until = lines(journal) + chance.randint(2, 4)
            while lines(journal) < until and run.poll() is None:
                assert time.monotonic() < end
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.1))
            if run.poll() is not None:
                break
            kill_with_children(run.pid)
            run.wait()
        done = subprocess.run(command, env=os.environ | more, stdout=log, stderr=log, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, (tmp_path / "log").read_text()[-5000:]
    assert len(re.findall("resumed from", (tmp_path / "log").read_text())) >= 1
    assert_same_run(tmp_path / "out", whole, world)
