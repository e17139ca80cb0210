# SPDX-License-Identifier: Apache-2.0
"""Killed at any moment, the same command ends with the outputs of an uninterrupted run."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from enhance_commands import Command, arguments, is_alive, rows, state, tree
from enhance_inputs import mixed, shifting

from monai_gradprom.enhance.model.network import BundleNetwork

OWN = (b"run.json", b"manifest.jsonl", b"report.html", b"series.jsonl")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return shifting(tmp_path_factory.mktemp("bundles") / "shift")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return mixed(tmp_path_factory.mktemp("files") / "in")


def without_seconds(output):
    return [{**row, "seconds": None} for row in rows(output).values()]


def finished(output):
    """State of the results that the manifest calls done, by path; a torn last line is none."""
    if not (output / "manifest.jsonl").exists():
        return {}
    done = {}
    for path, row in rows_so_far(output).items():
        # the pixels of an .mhd are not covered by a hash: these are always done again
        if row["status"] == "done" and not row["output"].endswith(".mhd"):
            about = (output / row["output"]).stat()
            done[path] = about.st_ino, about.st_mtime_ns
    return done


def rows_so_far(output):
    lines = (output / "manifest.jsonl").read_bytes().split(b"\n")[:-1]
    return {row["path"]: row for row in map(json.loads, lines)}


def uninterrupted(source, output, bundle, folder):
    """The outputs of a run of the same date that nobody kills."""
    other = folder / "uninterrupted"
    other.mkdir()
    shutil.copy(output / "run.json", other)
    command = Command(arguments(source, other, bundle), folder)
    assert command.wait() == 1, command.printed()
    return other


def kill_often(source, bundle, tmp_path, kills, chance):
    """Every other kill at any moment, the rest once some files more are finished; returns the complete output."""
    output = tmp_path / "out"
    done: dict[str, tuple] = {}
    for number in range(kills):
        command = Command(arguments(source, output, bundle), tmp_path, tasks="slow")
        wanted = len(done) + chance.randint(1, 4) if number % 2 else 0
        command.wait_until(lambda: (output / ".work" / "lock").exists() and len(finished(output)) >= wanted)  # noqa: B023
        time.sleep(chance.uniform(0, 0.02 if number % 2 else 0.5))
        assert command.kill() == -signal.SIGKILL, "it was too quick"
        now = finished(output)
        assert now.items() >= done.items()  # the same inodes
        assert len(now) >= wanted
        done = now
    assert len(done) < 24
    command = Command(arguments(source, output, bundle), tmp_path)
    assert command.wait() == 1, command.printed()
    assert finished(output).items() >= done.items()
    return output


def check_whole(source, output, bundle, tmp_path):
    reference = uninterrupted(source, output, bundle, tmp_path)
    assert without_seconds(output) == without_seconds(reference)
    assert {name: data for name, data in tree(output).items() if name not in OWN} == {
        name: data for name, data in tree(reference).items() if name not in OWN
    }
    assert set(tree(output)) == set(tree(reference))
    assert sorted(rows(output)) == sorted(name.decode() for name in tree(source))
    assert len([row for row in rows(output).values() if row["status"] == "done"]) == 28


def test_a_few_kills(source, bundle, tmp_path, chance):
    before = tree(source), state(source)
    output = kill_often(source, bundle, tmp_path, 4, chance)
    check_whole(source, output, bundle, tmp_path)
    assert (tree(source), state(source)) == before


def test_workers_do_not_outlive_the_command(source, bundle, tmp_path):
    """Else they would bring files to an end that its successor is at work on."""
    output = tmp_path / "out"
    command = Command(arguments(source, output, bundle), tmp_path, tasks="endless")
    command.wait_until(lambda: len(list(output.glob(".work/*/busy-*"))) == 2)
    workers = [int(path.name.removeprefix("busy-")) for path in output.glob(".work/*/busy-*")]
    assert all(is_alive(pid) for pid in workers)
    command.kill()
    end = time.monotonic() + 20
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["camus_denoise", "lizard_sr"])
def test_a_frame_s_result_is_the_same_in_any_batch(name):
    """Else a resumed run, which meets other files at the same time, would end with other bytes."""
    network = BundleNetwork.load(Path(__file__).parents[2] / "bundles" / name, "cpu")
    chance = np.random.default_rng(0)
    frames = chance.uniform(0, 255, (4, network.domain.channels or 1, 45, 38)).astype(np.float32)
    alone = [network.infer([frames[i : i + 1]], [(0.0, 255.0)], 4)[0] for i in range(4)]
    for count in (2, 3, 4):
        together = network.infer([frames[:1], frames[1:count]], [(0.0, 255.0)] * 2, 4)
        np.testing.assert_array_equal(np.concatenate(together), np.concatenate(alone[:count]))


@pytest.mark.slow
def test_many_kills(source, bundle, tmp_path, chance):
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        output = kill_often(source, bundle, folder, 3, chance)
        check_whole(source, output, bundle, folder)
