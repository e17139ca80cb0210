# SPDX-License-Identifier: Apache-2.0
"""Gates that are decided every k-th update."""

from __future__ import annotations

import json
import math

import pytest
import torch

from monai_gradprom.strategies import (
    FrozenGradProm,
    GradProm,
    GradPromCosine,
    HeldGate,
    LastLayersGate,
    RelativeWeight,
)

AGREES, CONFLICTS = 1.0, -1.0


def update(strategy, direction, weight=0.5, main=2.0, parts=1):
    """One update of θ = (1, 1): G_IP = (main, main), G_VR = (direction, direction). Returns the report and θ's grad."""
    theta = [torch.ones(2, dtype=torch.float64, requires_grad=True)]
    pending = None
    for _ in range(parts):
        output = theta[0] * 1.0
        loss, aux = main * output.sum() / parts, {"t": direction * output.sum() / parts}
        gradients = strategy.compute(output, loss, aux, theta, {"t": []}, {"t": weight})
        pending = gradients if pending is None else pending.add_(gradients)
    reports = strategy.apply(pending, theta, {"t": []}, {"t": weight})
    return reports["t"], theta[0].grad.tolist()[0]


def test_it_decides_in_every_third_update_only():
    strategy = HeldGate(GradProm(), 3)
    directions = [AGREES, CONFLICTS, CONFLICTS, CONFLICTS, AGREES, AGREES, AGREES]
    found = [update(strategy, direction) for direction in directions]
    assert [report.gate for report, _ in found] == [1, 1, 1, 0, 0, 0, 1]
    assert [report.cosine is not None for report, _ in found] == [True, False, False, True, False, False, True]
    # with the gate open 2 + 0.5 * direction, with it closed 2
    assert [gradient for _, gradient in found] == pytest.approx([2.5, 1.5, 1.5, 2, 2, 2, 2.5])


@pytest.mark.parametrize("cheaper", [lambda gate: HeldGate(gate, 2), lambda gate: LastLayersGate(gate, 1)])
@pytest.mark.parametrize("gate", [GradProm, FrozenGradProm])
def test_a_fixed_recognizer_stays_fixed(cheaper, gate):
    """In updates that decide and in those between; one that learns takes its gradient in each."""
    strategy = cheaper(gate())
    theta, phi = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    taken = []
    for _ in range(2):
        output = theta * 1.0
        task = (phi * output).sum()
        strategy.backward(output, output.sum(), {"t": task}, [theta], {"t": [phi]}, {"t": 1.0})
        taken.append(None if phi.grad is None else phi.grad.tolist())
    learns = gate is GradProm
    assert strategy.trains_recognizer is learns
    assert taken == ([[1.0, 1.0], [2.0, 2.0]] if learns else [None, None])
    assert theta.grad.tolist() == [4.0, 4.0]  # the gate is open either way


def test_one_is_the_exact_gate():
    strategy = HeldGate(GradProm(), 1)
    assert [update(strategy, direction)[0].gate for direction in (AGREES, CONFLICTS, AGREES)] == [1, 0, 1]


def test_a_soft_gate_is_held_as_well():
    strategy = HeldGate(GradPromCosine(), 2)
    assert update(strategy, AGREES)[0].gate == pytest.approx(1)
    report, gradient = update(strategy, CONFLICTS)
    assert report.gate == pytest.approx(1) and gradient == pytest.approx(1.5)


def test_a_relative_weight_is_that_of_the_decision():
    """λ = 0.3 ‖G_IP‖ / ‖G_VR‖ = 0.6; between decisions G_IP may grow, λ does not."""
    strategy = HeldGate(GradProm(), 2)
    assert update(strategy, AGREES, RelativeWeight(0.3))[1] == pytest.approx(2.6)
    assert update(strategy, AGREES, RelativeWeight(0.3), main=20.0)[1] == pytest.approx(20.6)
    assert update(strategy, AGREES, RelativeWeight(0.3), main=20.0)[1] == pytest.approx(26.0)


def test_an_update_is_what_is_accumulated():
    strategy = HeldGate(GradProm(), 2)
    assert [update(strategy, d, parts=3)[0].gate for d in (AGREES, CONFLICTS, CONFLICTS)] == [1, 1, 0]


def test_between_decisions_the_enhancer_is_walked_through_once():
    strategy, walks = HeldGate(GradProm(), 2), []
    theta = [torch.ones(2, requires_grad=True)]
    for expected in (2, 1, 2):
        walks.clear()
        hidden = theta[0] * 1.0
        hidden.register_hook(lambda gradient: walks.append(1))
        output = hidden * 1.0
        strategy.backward(output, output.sum(), {"t": output.sum()}, theta, {"t": []}, {"t": 1.0})
        assert len(walks) == expected


def test_nothing_is_held_after_a_gradient_that_is_not_finite():
    strategy = HeldGate(GradProm(), 4)
    assert not update(strategy, math.inf)[0].finite
    report, _ = update(strategy, CONFLICTS)
    assert report.gate == 0 and report.cosine == pytest.approx(-1)
    assert update(strategy, AGREES)[0].gate == 0


def test_other_tasks_are_decided_on_at_once():
    strategy = HeldGate(GradProm(), 4)
    update(strategy, AGREES)
    theta = [torch.ones(2, requires_grad=True)]
    output = theta[0] * 1.0
    reports = strategy.backward(output, output.sum(), {"u": -output.sum()}, theta, {"u": []}, {"u": 1.0})
    assert reports["u"].gate == 0


def test_the_decision_survives_a_restart():
    strategy = HeldGate(GradProm(threshold=0.1), 3)
    for direction in (AGREES, CONFLICTS):
        update(strategy, direction)
    state = json.loads(json.dumps(strategy.state_dict()))
    other = HeldGate(GradProm(threshold=0.1), 3)
    other.load_state_dict(state)
    assert other.setting() == strategy.setting()
    assert [update(s, CONFLICTS)[0].gate for s in (strategy, other)] == [1, 1]
    assert [update(s, CONFLICTS)[0].gate for s in (strategy, other)] == [0, 0]


def test_the_setting_tells_gates_apart_and_not_what_they_remember():
    strategy = HeldGate(GradProm(), 3)
    before = strategy.setting()
    update(strategy, AGREES)
    assert strategy.setting() == before == {
        "name": "HeldGate",
        "every": 3,
        "strategy": {"name": "GradProm", "threshold": 0.0, "gate_scope": "each"},
    }  # fmt: skip
    assert HeldGate(GradProm(), 4).setting() != before
    assert HeldGate(GradPromCosine(), 3).setting() != before


def test_another_strategys_memory_is_refused():
    with pytest.raises(ValueError, match="remembers nothing"):
        GradProm().load_state_dict(HeldGate(GradProm(), 2).state_dict())
    GradProm().load_state_dict(GradProm().state_dict())
