# SPDX-License-Identifier: Apache-2.0
"""One seed, one machine, one number of threads: every bit of a training on the CPU is the same.

Runs are processes of their own. Beside these: what a resumed run equals is in test_training_kills.py, what two
strategies begin with in tests/bundle/test_runs.py, what an item is made of in tests/datasets/test_replayable.py.
"""

from __future__ import annotations

import pytest
from training_commands import Training
from training_journal import read_journal


@pytest.fixture(scope="module")
def trained(tmp_path_factory, switches_for):
    """The folder of a run with these switches; each is run once."""
    made = {}

    def run(name="first", **switches):
        if name not in made:
            folder = tmp_path_factory.mktemp("run")
            command = Training(switches_for(folder / "out", **{"max_epochs": 2} | switches), folder / "log")
            assert command.wait() == [0], command.printed()
            made[name] = folder / "out"
        return made[name]

    return run


slow = pytest.mark.slow


@pytest.mark.parametrize("num_workers", [0, pytest.param(1, marks=slow), 2])
def test_runs_and_numbers_of_workers(trained, assert_same_run, num_workers):
    """Losses, gates, data in their order, random states, parameters; optimizers and best models at the end."""
    assert_same_run(trained(f"again{num_workers}", num_workers=num_workers), trained())


def test_another_seed_is_another_run(trained):
    one, other = (read_journal(folder / "journal-0.jsonl") for folder in (trained(), trained("other", seed=1)))
    for iteration, (line,) in one.items():
        for what in ("images", "labels", "loss", "parameters", "random"):
            assert line[what] != other[iteration][0][what]


@slow
def test_a_run_continued_with_other_workers(trained, tmp_path, switches_for, assert_same_run):
    """Killed with two, continued with none."""
    switches = switches_for(tmp_path / "out", max_epochs=2, num_workers=2)
    first = Training(switches, tmp_path / "log", die_at=12)
    assert first.wait() != [0] and (tmp_path / "out" / "checkpoint_iteration=3.pt").exists()
    second = Training(switches | {"num_workers": 0}, tmp_path / "log")
    assert second.wait() == [0], second.printed()
    assert_same_run(tmp_path / "out", trained())


OTHERS = ("enhancer_only", "detached", "frozen", "gradprom_cosine", "bilevel")


@pytest.mark.parametrize("strategy", ["joint", *(pytest.param(name, marks=slow) for name in OTHERS)])
def test_strategies_see_the_same_data_and_noise_to_the_end(trained, strategy):
    one, other = (
        read_journal(folder / "journal-0.jsonl") for folder in (trained(), trained(strategy, strategy=strategy))
    )
    assert list(one) == list(other)
    for iteration in one:
        for what in ("images", "labels"):
            assert one[iteration][0][what] == other[iteration][0][what]
    assert one[8][0]["parameters"] != other[8][0]["parameters"]
    assert one[4][0]["loss"] == other[4][0]["loss"]  # until the recognizers are cascaded
    assert one[8][0]["loss"] != other[8][0]["loss"]
