# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from monai_gradprom.strategies import (
    GradProm,
    GradPromCosine,
    HeldGate,
    LastLayersGate,
    RelativeWeight,
    get_strategy,
    parse_weight,
)


def test_unknown_strategy_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'gradprom'"):
        get_strategy("gradpron")


def test_unknown_option_is_refused():
    with pytest.raises(ValueError, match="gate_scope"):
        get_strategy("joint", gate_scope="any")


@pytest.mark.parametrize("options", [{"threshold": 1.5}, {"gate_scope": "all"}])
def test_bad_gate_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        get_strategy("gradprom", **options)


@pytest.mark.parametrize(("text", "value"), [("1e-4", 1e-4), (0.03, 0.03), ("relative:0.3", RelativeWeight(0.3))])
def test_weights_are_read(text, value):
    assert parse_weight(text) == value


@pytest.mark.parametrize("text", ["relative:", "relative:-1", "much", -1, "nan", "inf"])
def test_bad_weights_are_refused(text):
    with pytest.raises(ValueError, match="weight"):
        parse_weight(text)


@pytest.mark.parametrize("name", ["joint", "gradprom"])
def test_a_task_without_a_weight_is_refused(name):
    theta = [torch.ones(1, requires_grad=True)]
    output = theta[0] * 1.0
    with pytest.raises(ValueError, match="same task names"):
        get_strategy(name).backward(output, output.sum(), {"t": output.sum()}, theta, {"t": []}, {})


@pytest.mark.parametrize("name", ["joint", "gradprom"])
def test_a_loss_that_ignores_the_output_is_refused(name):
    theta = [torch.ones(1, requires_grad=True)]
    phi = torch.ones(1, requires_grad=True)
    output = theta[0] * 1.0
    with pytest.raises(ValueError, match="does not depend on `output`"):
        get_strategy(name).backward(output, output.sum(), {"t": phi.sum()}, theta, {"t": [phi]}, {"t": 1.0})


def test_cheaper_gates_by_name():
    held, last = get_strategy("gradprom", gate_every=4, threshold=0.1), get_strategy("gradprom_cosine", gate_last=2)
    assert isinstance(held, HeldGate) and held.every == 4 and held.strategy.threshold == 0.1
    assert isinstance(last, LastLayersGate) and last.count == 2 and isinstance(last.strategy, GradPromCosine)
    assert type(get_strategy("gradprom", gate_every=1, gate_last=None)) is GradProm


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("joint", {"gate_every": 2}, "has no gate"),
        ("frozen", {"gate_last": 1}, "has no gate"),
        ("enhancer_only", {"gate_every": 2}, "has no gate"),
        ("gradprom", {"gate_every": 2, "gate_last": 1}, "choose one"),
        ("gradprom", {"gate_every": 0}, "at least 1"),
        ("gradprom", {"gate_every": 1.5}, "whole number"),
        ("gradprom", {"gate_last": 0}, "at least 1"),
    ],
)
def test_bad_cheaper_gates_are_refused(name, options, words):
    with pytest.raises(ValueError, match=words):
        get_strategy(name, **options)
