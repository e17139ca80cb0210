# SPDX-License-Identifier: Apache-2.0
"""Broken files of every format: a reason for each, no crash of the batch, no hang, bounded memory, nothing elsewhere.

A word of a patient stands in many of them, in any place; no reason, row, traceback or output of a library shows it.

What fails here can be looked at alone: `python tests/hostile_run.py TARGET KIND SEED NUMBER NUMBER+1`. HOSTILE_SEED and
HOSTILE_COUNT set the seed and the number of files a kind of the slow tests.
"""

from __future__ import annotations

import os
import time

import pytest
from enhance_commands import Command, arguments, rows, tree
from enhance_inputs import shifting, write_picture
from hostile_mutations import KINDS, mutated
from hostile_run import ROOM, run_hostile
from hostile_seeds import beside
from hostile_targets import shows_the_word

IMAGES = [kind for kind in KINDS if kind not in ("mat", "cfg")]
OWN = {b"run.json", b"manifest.jsonl", b"report.html", b"series.jsonl"}


def check(target, kinds, seed, count, fatal=("harm", "hang", "crash")):
    harm, told = run_hostile(target, kinds, seed, 0, count)
    print(f"{target}: seed {seed}, {count} files of each of {', '.join(kinds)}: {told}")
    for line in harm:
        print(line)
    assert sum(told["counts"].values()) == count * len(kinds)
    assert told["largest"] <= ROOM >> 20
    assert [line for line in harm if line["outcome"] in fatal] == []
    # else the mutations would be too coarse to get anywhere
    assert all(told["counts"].get(f"{kind} done", 0) > 0 for kind in kinds if kind != "cfg")


def test_mutations_are_a_function_of_seed_and_number():
    for kind in KINDS:
        first = [mutated(kind, 3, number) for number in range(20)]
        assert first == [mutated(kind, 3, number) for number in range(20)]
        assert len({data for _, data in first}) > 15
        assert first != [mutated(kind, 4, number) for number in range(20)]


def test_some_broken_files_are_enhanced_or_refused():
    check("enhance", IMAGES, seed=1, count=60)


def test_some_broken_files_are_read_for_training_or_refused():
    check("read", KINDS, seed=5, count=40)


def whole_command(tmp_path, seed, count, timeout):
    """Exit code and rows of a folder of ``count`` broken files of each kind, and sound ones before and behind them."""
    folder = tmp_path / "in"
    for name in ("0.png", "z.png"):
        write_picture(folder / name)
    for kind in IMAGES:
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            suffix, data = mutated(kind, seed, number)
            for name, sound in {f"{number:04}{suffix}": data, **beside(suffix)}.items():
                (folder / kind / name).write_bytes(sound)
    before = tree(folder)
    flags = ["--any-modality", "--memory", "0.5", "--timeout", timeout]
    command = Command(arguments(folder, tmp_path / "out", shifting(tmp_path / "bundle"), *flags), tmp_path)
    code = command.wait()
    assert code in (0, 1), command.printed()
    assert tree(folder) == before
    found = rows(tmp_path / "out")
    assert set(map(os.fsencode, found)) == set(before)
    done = {row["output"] for row in found.values() if row["status"] == "done"}
    assert {"0.png", "z.png"} <= done
    data_files = {name for name in tree(tmp_path / "out") if name.endswith((b".raw", b".zraw"))}
    assert set(tree(tmp_path / "out")) - data_files == set(map(os.fsencode, done)) | OWN
    refused = [row for row in found.values() if row["status"] != "done"]
    assert all(len(row["reason"]) > 10 and "bug" not in row["reason"] for row in refused)
    assert not shows_the_word(command.printed().decode(errors="replace"))
    for name in OWN:
        assert not shows_the_word((tmp_path / "out" / name.decode()).read_text())
    print(f"seed {seed}: {len(done)} done, {len(refused)} refused")
    return found


def test_a_folder_of_broken_files(tmp_path):
    whole_command(tmp_path, seed=2, count=8, timeout=60)


def slow_seed():
    return int(os.environ.get("HOSTILE_SEED", time.time_ns() % 2**32))


def slow_count(usual):
    return int(os.environ.get("HOSTILE_COUNT", usual))


@pytest.mark.slow
@pytest.mark.parametrize("kind", IMAGES)
def test_thousands_of_broken_files_are_enhanced_or_refused(kind):
    # a decoder that dies costs its worker and one file: see test_a_folder_of_broken_files
    check("enhance", [kind], slow_seed(), slow_count(2000), fatal=("harm", "hang"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_broken_files_are_read_for_training_or_refused(kind):
    check("read", [kind], slow_seed(), slow_count(1000))


@pytest.mark.slow
def test_a_large_folder_of_broken_files(tmp_path):
    whole_command(tmp_path, slow_seed(), slow_count(100), timeout=120)
