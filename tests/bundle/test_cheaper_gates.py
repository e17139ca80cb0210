# SPDX-License-Identifier: Apache-2.0
"""The switches of cheaper gates reach the strategy of a bundle's training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from monai_gradprom.strategies import GradProm, HeldGate, LastLayersGate

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
