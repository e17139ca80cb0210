# SPDX-License-Identifier: Apache-2.0
"""A gate that looks at the last parameters only."""

from __future__ import annotations

import math

import pytest
import torch

from monai_gradprom.strategies import GradProm, GradPromCosine, LastLayersGate, RelativeWeight


def update(strategy, main, task, weight=0.5, dtype=torch.float64, walks=None, waiting=False):
    """One update of θ = (a, b, c), whose gradients are ``main`` and ``task`` by construction."""
    theta = [torch.ones(1, dtype=dtype, requires_grad=True) for _ in range(3)]
    first = theta[0] * 1.0
    if walks is not None:
        first.register_hook(lambda gradient: walks.append(1))
    output = torch.cat([first, *theta[1:]])
    losses = [(output * torch.tensor(direction, dtype=dtype)).sum() for direction in (main, task)]
    aux = {"t": (lambda: losses[1]) if waiting else losses[1]}
    reports = strategy.backward(output, losses[0], aux, theta, {"t": []}, {"t": weight})
    return reports["t"], [float(parameter.grad) for parameter in theta]


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize(
    ("count", "task", "gate"),
    [
        # the first parameters conflict, the last agree: the product over all is -10 + 1 + 1
        (3, [-10.0, 1.0, 1.0], 0),
        (2, [-10.0, 1.0, 1.0], 1),
        (1, [-10.0, 1.0, 1.0], 1),
        # the last one alone conflicts
        (3, [10.0, 1.0, -1.0], 1),
        (2, [10.0, 3.0, -1.0], 1),
        (1, [10.0, 3.0, -1.0], 0),
    ],
)
def test_it_decides_by_the_last_ones(count, task, gate, waiting):
    report, gradient = update(LastLayersGate(GradProm(), count), [1.0, 1.0, 1.0], task, waiting=waiting)
    assert report.gate == gate
    a, b = torch.ones(count).double(), torch.tensor(task[-count:]).double()
    assert report.cosine == pytest.approx(float(a @ b / a.norm() / b.norm()))
    assert report.ratio == pytest.approx(0.5 * float(b.norm() / a.norm()))
    # whatever was looked at, the whole of λ G_VR enters or nothing
    assert gradient == pytest.approx([1 + 0.5 * gate * t for t in task])


def test_a_soft_gate_too():
    report, gradient = update(LastLayersGate(GradPromCosine(), 2), [1.0, 1.0, 0.0], [4.0, 1.0, 1.0])
    assert report.gate == pytest.approx(math.sqrt(0.5))
    assert gradient == pytest.approx([1 + 0.5 * 4 * math.sqrt(0.5), 1 + 0.5 * math.sqrt(0.5), 0.5 * math.sqrt(0.5)])


def test_a_relative_weight_is_over_the_last_ones():
    """‖G_IP‖ = 2 and ‖G_VR‖ = 4 there, so that λ = 0.3 * 2 / 4."""
    report, gradient = update(LastLayersGate(GradProm(), 1), [9.0, 9.0, 2.0], [1.0, 1.0, 4.0], RelativeWeight(0.3))
    assert report.ratio == pytest.approx(0.3)
    assert gradient == pytest.approx([9.15, 9.15, 2.6])


def test_fixed_parameters_are_not_counted():
    theta = [torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True), torch.ones(1)]
    output = torch.cat([theta[0], theta[1], theta[2]])
    reports = LastLayersGate(GradProm(), 1).backward(
        output, output.sum(), {"t": (output * torch.tensor([5.0, -1.0, 5.0])).sum()}, theta, {"t": []}, {"t": 1.0}
    )
    assert reports["t"].gate == 0
    assert theta[2].grad is None


def test_the_first_layer_is_reached_once():
    walks = []
    update(LastLayersGate(GradProm(), 1), [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], walks=walks)
    assert len(walks) == 1
    walks.clear()
    update(GradProm(), [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], walks=walks)
    assert len(walks) == 2  # what the exact gate pays


def test_recognizers_learn_without_the_gate():
    theta, phi = torch.ones(2, requires_grad=True), torch.full((2,), 3.0, requires_grad=True)
    output = theta * 1.0
    LastLayersGate(GradProm(), 1).backward(
        output, output.sum(), {"t": -(phi * output).sum()}, [theta], {"t": [phi]}, {"t": 0.1}
    )
    assert theta.grad.tolist() == [1.0, 1.0]  # closed
    assert phi.grad.tolist() == [-1.0, -1.0]  # whole


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_no_closed_gate(bad):
    report, gradient = update(LastLayersGate(GradProm(), 1), [1.0, 1.0, 1.0], [1.0, 1.0, bad])
    assert not report.finite and math.isnan(report.gate)
    assert not all(math.isfinite(value) for value in gradient)


def test_accumulated_mini_batches_are_decided_on_one_by_one():
    """Gates 1 and 0: the report has their mean, the gradient what either let in."""
    strategy = LastLayersGate(GradProm(), 1)
    theta = [torch.ones(1, dtype=torch.float64, requires_grad=True)]

    def compute(task):
        output = theta[0] * 1.0
        return strategy.compute(output, output.sum(), {"t": task * output.sum()}, theta, {"t": []}, {"t": 0.5})

    pending = compute(4.0).add_(compute(-6.0)).add_(compute(2.0))
    report = strategy.apply(pending, theta, {"t": []}, {"t": 0.5})["t"]
    assert report.gate == pytest.approx(2 / 3)
    assert report.cosine == pytest.approx(1 / 3)
    assert report.ratio == pytest.approx(0.5 * (4 + 6 + 2) / 3)
    assert theta[0].grad.tolist() == pytest.approx([3 + 0.5 * (4 + 2)])


def test_several_processes_decide_on_their_mean():
    """Here the task agrees and there it conflicts more strongly, so that both are told the same and stay closed."""
    strategy = LastLayersGate(GradProm(), 1)
    assert update(strategy, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])[0].gate == 1
    elsewhere = [1.0, -3.0]  # the other process's gradients of the last parameter

    def average(tensors):
        for tensor, other in zip(tensors, elsewhere, strict=True):
            tensor.add_(other).div_(2)

    strategy.average_with(average)
    report, gradient = update(strategy, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    assert report.gate == 0 and report.cosine == pytest.approx(-1)
    assert gradient == [1.0, 1.0, 1.0]  # its own share of the mean, which is still to be taken


def test_processes_that_cannot_average_are_refused(monkeypatch):
    for name, value in (("is_initialized", True), ("get_world_size", 2)):
        monkeypatch.setattr(torch.distributed, name, lambda value=value: value)
    strategy = LastLayersGate(GradProm(), 1)
    with pytest.raises(RuntimeError, match="average_with"):
        update(strategy, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    strategy.average_with(lambda tensors: None)
    update(strategy, [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])


def test_the_setting_tells_gates_apart():
    strategy = LastLayersGate(GradProm(), 2)
    before = strategy.setting()
    strategy.average_with(lambda tensors: None)
    assert strategy.setting() == before == {
        "name": "LastLayersGate",
        "count": 2,
        "strategy": {"name": "GradProm", "threshold": 0.0, "gate_scope": "each"},
    }  # fmt: skip
    assert LastLayersGate(GradProm(), 1).setting() != before
    assert LastLayersGate(GradProm(gate_scope="any"), 2).setting() != before
