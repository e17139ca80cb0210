# SPDX-License-Identifier: Apache-2.0
"""Auxiliary losses as functions: the recognizers run when their turn comes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from monai_gradprom.strategies import get_strategy

NAMES = ["detached", "joint", "frozen", "gradprom", "gradprom_cosine", "frozen_gradprom"]


class Noted(nn.Module):
    """Passes on its input, noting when it runs forward and when a gradient comes back."""

    def __init__(self, name, events):
        super().__init__()
        self.name, self.events = name, events

    def forward(self, x):
        self.events.append(f"{self.name} forward")
        y = x * 1.0
        if y.requires_grad:
            y.register_hook(lambda gradient: self.events.append(f"{self.name} backward"))
        return y

    def __deepcopy__(self, memo):
        return Noted(self.name, self.events)


def build(tasks, events):
    torch.manual_seed(5)
    enhancer = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Noted("enhancer", events), nn.Conv2d(4, 1, 3, padding=1))
    nets = {
        f"task{i}": nn.Sequential(Noted(f"task{i}", events), nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 1))
        for i in range(tasks)
    }
    return enhancer.double(), {name: net.double() for name, net in nets.items()}, torch.rand(2, 1, 6, 6).double()


def step(name, enhancer, nets, x, waiting):
    output = enhancer(x)
    losses = {key: (lambda net=net: net(output).square().mean()) for key, net in nets.items()}
    if not waiting:
        losses = {key: loss() for key, loss in losses.items()}
    phis = {key: net.parameters() for key, net in nets.items()}
    main = (output - x).square().mean()
    return get_strategy(name).backward(output, main, losses, enhancer.parameters(), phis, dict.fromkeys(nets, 0.4))


@pytest.mark.parametrize("tasks", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_they_lead_to_the_same_gradients(name, tasks):
    networks = build(tasks, [])
    others = copy.deepcopy(networks)
    reports = step(name, *networks, waiting=False), step(name, *others, waiting=True)
    assert reports[0] == reports[1]
    for mine, other in ((networks[0], others[0]), *((networks[1][k], others[1][k]) for k in networks[1])):
        for a, b in zip(mine.parameters(), other.parameters(), strict=True):
            assert (a.grad is None) == (b.grad is None)
            assert a.grad is None or torch.allclose(a.grad, b.grad, rtol=0, atol=1e-15)


def test_the_enhancer_is_walked_through_before_a_recognizer_runs():
    """And each recognizer has done its backward before the next one's forward."""
    events = []
    step("gradprom", *build(2, events), waiting=True)
    assert events == [
        "enhancer forward",
        *("enhancer backward", "task0 forward", "task0 backward"),
        *("enhancer backward", "task1 forward", "task1 backward"),
        "enhancer backward",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_called_once(name):
    events = []
    step(name, *build(2, events), waiting=True)
    assert [event for event in events if event.endswith("forward")] == [
        "enhancer forward",
        "task0 forward",
        "task1 forward",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_enhancer_and_the_recognizers_kept_is_freed(name):
    enhancer, nets, x = build(1, [])
    output, kept = enhancer(x), []

    def loss():
        kept.append(nets["task0"](output).square())
        return kept[0].mean()

    phis = {"task0": nets["task0"].parameters()}
    main = (output - x).square().mean()
    get_strategy(name).backward(output, main, {"task0": loss}, enhancer.parameters(), phis, {"task0": 0.4})
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(output.sum(), enhancer[0].weight)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(kept[0].sum(), output)


def test_enhancer_only_calls_none():
    events = []
    assert step("enhancer_only", *build(1, events), waiting=True) == {}
    assert "task0 forward" not in events


@pytest.mark.parametrize("name", ["joint", "gradprom"])
def test_one_that_ignores_the_output_is_refused(name):
    enhancer, nets, x = build(1, [])
    output, phi = enhancer(x), list(nets["task0"].parameters())
    with pytest.raises(ValueError, match="does not depend on `output`"):
        get_strategy(name).backward(
            output, output.sum(), {"t": lambda: phi[0].sum()}, enhancer.parameters(), {"t": phi}, {"t": 1.0}
        )
