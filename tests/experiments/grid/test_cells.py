# SPDX-License-Identifier: Apache-2.0
"""How many runs a grid has: each expected number is counted by hand."""

from __future__ import annotations

import pytest

from monai_gradprom.experiments.grid.cells import IGNORED, cells
from monai_gradprom.strategies import STRATEGIES

DEFAULTS = {"strategy": "gradprom", "recognition": "both", "warmup_epochs": 4}
TASKS = ("diagnosis", "segmentation")


def of(strategy, found):
    return [cell for cell in found if cell["strategy"] == strategy]


def test_what_a_strategy_ignores_makes_no_runs():
    switches = {
        "strategy": ["enhancer_only", "joint", "gradprom", "gradprom_cosine"],
        "supervised": [True, False],
        "noise_sigma": [0.1, 0.3],
        "recognition": ["diagnosis", "segmentation"],
        "gate_scope": ["each", "any"],
        "seed": [0, 1, 2],
    }
    found = cells(switches, DEFAULTS, TASKS)
    # sigma x seed; and x supervised x recognition; and x gate_scope
    assert [len(of(name, found)) for name in switches["strategy"]] == [6, 24, 48, 24]
    assert len({repr(sorted(cell.items())) for cell in found}) == len(found)
    # the bundle refuses a gate's switch for strategies without one
    assert all("gate_scope" not in cell for cell in found if cell["strategy"] != "gradprom")
    # measured by the recognizers of both tasks, so that it can stand beside either
    assert {cell["recognition"] for cell in of("enhancer_only", found)} == {"both"}
    assert all("supervised" not in cell for cell in of("enhancer_only", found))


def test_enhancer_only_stays_what_it_is_when_a_grid_grows():
    small = cells({"strategy": ["enhancer_only"], "aux_weight": [1e-4], "seed": [0]}, DEFAULTS, TASKS)
    large = cells({"strategy": ["enhancer_only", "joint"], "aux_weight": [0.03, 1e-4], "seed": [0]}, DEFAULTS, TASKS)
    assert small == of("enhancer_only", large) == [{"strategy": "enhancer_only", "seed": 0}]


def test_one_recognition_task_is_kept():
    found = cells({"strategy": ["enhancer_only"], "recognition": ["diagnosis"]}, DEFAULTS, TASKS)
    assert found == [{"strategy": "enhancer_only", "recognition": "diagnosis"}]
    found = cells({"strategy": ["enhancer_only"], "recognition": ["segmentation"]}, DEFAULTS, ("segmentation",))
    assert found == [{"strategy": "enhancer_only", "recognition": "segmentation"}]


def test_a_recognizer_by_itself_has_one_task():
    switches = {"strategy": ["recognizer_only"], "recognition": ["both", "diagnosis"], "supervised": [True, False]}
    found = cells(switches, DEFAULTS, TASKS)
    assert [cell["recognition"] for cell in found] == ["diagnosis", "segmentation"]


def test_the_strategy_may_be_the_bundles_own():
    assert cells({"seed": [0, 1], "gate_scope": ["any"]}, DEFAULTS, TASKS) == [
        {"seed": 0, "gate_scope": "any"},
        {"seed": 1, "gate_scope": "any"},
    ]


def test_a_look_ahead_ignores_what_its_gate_does():
    switches = {
        "strategy": ["joint", "gradprom", "bilevel"],
        "gate": [None, "gradprom", "gradprom_cosine"],
        "gate_scope": ["each", "any"],
        "gate_every": [1, 2],
        "inner_order": [1, 2],
    }
    found = cells(switches, DEFAULTS, TASKS)
    # scope x every; and of bilevel by order: ungated, scope x every, every
    assert [len(of(name, found)) for name in switches["strategy"]] == [1, 4, 2 * (1 + 4 + 2)]
    assert all(not {"gate", "inner_order"} & cell.keys() for cell in of("gradprom", found))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_is_known(strategy):
    assert strategy in IGNORED
