# SPDX-License-Identifier: Apache-2.0
"""The switches of gates and look-aheads reach the strategy of a bundle's training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from monai_gradprom.strategies import BiLevel, GradProm, HeldGate, LastLayersGate

BUNDLES = Path(__file__).parents[2] / "bundles"


@pytest.fixture(params=sorted(path.name for path in BUNDLES.iterdir()))
def strategy_of(request):
    def build(**switches):
        parser = ConfigParser(json.loads((BUNDLES / request.param / "configs" / "train.json").read_text()))
        parser.update(switches)
        return parser.get_parsed_content("update_strategy")

    return build


def test_the_default_gate_is_exact(strategy_of):
    strategy = strategy_of(strategy="gradprom", gate_scope="any")
    assert type(strategy) is GradProm and strategy.gate_scope == "any"


def test_a_held_gate(strategy_of):
    strategy = strategy_of(gate_every=4, strategy="gradprom_cosine")
    assert isinstance(strategy, HeldGate) and strategy.every == 4
    assert strategy.setting()["strategy"]["name"] == "GradPromCosine"


def test_a_gate_on_the_last_layers(strategy_of):
    strategy = strategy_of(strategy="gradprom", gate_last=2, gate_scope="any")
    assert isinstance(strategy, LastLayersGate) and strategy.count == 2
    assert strategy.setting()["strategy"]["gate_scope"] == "any"


@pytest.mark.parametrize("name", ["joint", "frozen", "enhancer_only"])
def test_strategies_without_a_gate(strategy_of, name):
    assert strategy_of(strategy=name).setting() == {"name": {"enhancer_only": "EnhancerOnly"}.get(name, name.title())}


def test_gates_over_a_fixed_recognizer(strategy_of):
    every, last = (
        strategy_of(strategy="frozen_gradprom", gate_scope="any", **cheaper)
        for cheaper in ({"gate_every": 4}, {"gate_last": 2})
    )
    for strategy in (every, last):
        assert strategy.setting()["strategy"]["name"] == "FrozenGradProm"
        assert strategy.strategy.gate_scope == "any" and not strategy.trains_recognizer


def test_a_look_ahead(strategy_of):
    strategy = strategy_of(strategy="bilevel", gate_scope="any")
    assert isinstance(strategy, BiLevel)
    assert strategy.setting() == {
        "name": "BiLevel",
        "order": 1,
        "inner_lr": 0.01,
        "inner_steps": 1,
        "strategy": {"name": "Joint"},
    }


def test_a_gated_look_ahead(strategy_of):
    levels = {"inner_lr": 0.5, "inner_order": 2, "inner_steps": 3}
    strategy = strategy_of(strategy="bilevel", gate="gradprom", gate_scope="any", gate_every=4, **levels)
    assert (strategy.inner_lr, strategy.order, strategy.inner_steps) == (0.5, 2, 3)
    assert isinstance(strategy.strategy, HeldGate) and strategy.strategy.every == 4
    assert strategy.strategy.strategy.gate_scope == "any"
