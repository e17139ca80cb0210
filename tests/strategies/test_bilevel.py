# SPDX-License-Identifier: Apache-2.0
"""Bi-level learning against hand-derived values and finite differences of its whole upper-level objective."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from monai_gradprom.strategies import (
    BiLevel,
    Detached,
    EnhancerOnly,
    Frozen,
    HeldGate,
    LastLayersGate,
    NetworkLoss,
    ParametricLoss,
    RelativeWeight,
    get_strategy,
)

WEIGHTS = {"a": 0.7, "b": 1.3}


class Product(ParametricLoss):
    """L_VR = (φŷ - 1)² / 2, of which everything below can be derived by hand."""

    scale = 1.0

    def __init__(self, output, phi):
        self.output, self.phi = output, phi

    def __call__(self):
        return self.at([self.phi])

    def at(self, parameters):
        return self.scale * 0.5 * (parameters[0] * self.output - 1).square().sum()


def by_hand(strategy, scale=1.0, kind=Product, weight=0.5):
    """θ = 2, φ = 3, L_IP = (θ - 1)² / 2."""
    theta, phi = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (2.0, 3.0))
    output = theta * 1.0
    loss = kind(output, phi)
    loss.scale = scale
    main = scale * 0.5 * (output - 1).square().sum()
    report = strategy.backward(output, main, {"t": loss}, [theta], {"t": [phi]}, {"t": weight})["t"]
    assert phi.item() == 3.0
    return report, theta.grad.item() / scale, phi.grad.item() / scale


# ∇φ = ŷ(φŷ - 1) = 10, so that φ' = 3 - 0.1 * 10 = 2. There ∂L/∂ŷ = φ'(φ'ŷ - 1) = 6 and ∇φ = ŷ(φ'ŷ - 1) = 6;
# dφ'/dŷ = -0.1 (2φŷ - 1) = -1.1: the whole gradient is 6 - 1.1 * 6 = -0.6
HAND = {1: 6.0, 2: -0.6}


@pytest.mark.parametrize("scale", [1.0, 1024.0])
@pytest.mark.parametrize("order", [1, 2])
def test_one_step_by_hand(order, scale):
    """Whatever the losses are scaled by, the inner step is not."""
    report, theta, phi = by_hand(BiLevel(order=order, inner_lr=0.1), scale)
    assert theta == pytest.approx(1 + 0.5 * HAND[order])
    assert phi == pytest.approx(10.0)  # at φ, without λ
    assert report.gate == 1.0 and report.cosine is None


def test_two_steps_by_hand():
    """φ and dφ/dŷ carried along in plain numbers: a step is ŷ(φŷ - 1), and its derivative 2φŷ - 1 + ŷ² dφ/dŷ."""
    rate, y, phi, slope = 0.01, 2.0, 3.0, 0.0
    for _ in range(2):
        step, moved = y * (phi * y - 1), 2 * phi * y - 1 + y * y * slope
        phi, slope = phi - rate * step, slope - rate * moved
    wanted = {1: phi * (phi * y - 1), 2: (phi * y - 1) * (phi + y * slope)}
    for order in (1, 2):
        _, theta, _ = by_hand(BiLevel(order=order, inner_lr=rate, inner_steps=2))
        assert theta == pytest.approx(1 + 0.5 * wanted[order])
    assert abs(wanted[1] - wanted[2]) > 1


@pytest.mark.parametrize("gate", ["gradprom", "gradprom_cosine"])
def test_the_gate_judges_the_look_ahead(gate):
    """Now L_VR and, in the first-order form, its look-ahead agree with L_IP; the whole look-ahead conflicts."""
    for order, opened in ((1, 1.0), (2, 0.0)):
        report, theta, phi = by_hand(get_strategy("bilevel", order=order, inner_lr=0.1, gate=gate))
        assert report.gate == opened and report.cosine == pytest.approx(2 * opened - 1)
        assert report.ratio == pytest.approx(0.5 * abs(HAND[order]))
        assert theta == pytest.approx(1 + 0.5 * opened * HAND[order])
        assert phi == pytest.approx(10.0)


def test_a_relative_weight_is_over_the_look_ahead():
    report, theta, _ = by_hand(BiLevel(order=2, inner_lr=0.1), weight=RelativeWeight(0.3))
    assert report.ratio == pytest.approx(0.3)
    assert theta == pytest.approx(1 - 0.3)  # ‖G_IP‖ = 1


# --- finite differences -----------------------------------------------------------------------------------------------


def small_case():
    torch.manual_seed(2)
    enhancer = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, 1, 3, padding=1))
    layers = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(27, 2)
    recognizers = {"a": nn.Sequential(*layers), "b": nn.Sequential(nn.Flatten(), nn.Linear(25, 3), nn.Softplus())}
    for network in (enhancer, *recognizers.values()):
        network.double()
    image, clean = torch.rand(2, 3, 1, 5, 5).double()
    return enhancer, recognizers, image, clean


def task_loss(name, network, output):
    logits = network(output)
    return F.cross_entropy(logits, torch.tensor([0, 1, 1])) if name == "a" else logits.square().mean()


def adapted(recognizers, output, rate, steps):
    """Copies that have taken their lower-level steps."""
    copies = copy.deepcopy(recognizers)
    for name, network in copies.items():
        sgd = torch.optim.SGD(network.parameters(), rate)
        for _ in range(steps):
            sgd.zero_grad()
            task_loss(name, network, output.detach()).backward()
            sgd.step()
    return copies


def upper_level(case, theta, rate, steps, held=None):
    """L_IP + Σ λ L_VR(θ, φ'(θ)), or with φ' held."""
    enhancer, recognizers, image, clean = case
    names = [name for name, _ in enhancer.named_parameters()]
    shapes = [p.shape for p in enhancer.parameters()]
    parts = theta.split([shape.numel() for shape in shapes])
    output = functional_call(enhancer, {n: p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}, (image,))
    networks = held or adapted(recognizers, output, rate, steps)
    aux = sum(WEIGHTS[name] * task_loss(name, network, output) for name, network in networks.items())
    return ((output - clean).square().mean() + aux + 0.1 * theta[:3].square().sum()).item()


@pytest.mark.parametrize(("order", "steps"), [(1, 1), (1, 3), (2, 1), (2, 3)])
def test_the_gradient_is_that_of_the_upper_level(order, steps):
    case, rate = small_case(), 0.4
    enhancer, recognizers, image, clean = case
    theta = nn.utils.parameters_to_vector(enhancer.parameters()).detach()
    held = adapted(recognizers, enhancer(image), rate, steps) if order == 1 else None
    wanted, eps, some = [], 1e-5, range(0, len(theta), 3)
    for i in some:
        change = torch.zeros_like(theta)
        change[i] = eps
        higher, lower = (upper_level(case, theta + sign * change, rate, steps, held) for sign in (1, -1))
        wanted.append((higher - lower) / (2 * eps))

    output = enhancer(image)
    outside = 0.1 * enhancer[0].weight.flatten()[:3].square().sum()  # a way to θ beside the output
    aux = {k: NetworkLoss(net, lambda k=k, net=net: task_loss(k, net, output)) for k, net in recognizers.items()}
    phis = {name: list(network.parameters()) for name, network in recognizers.items()}
    own = {k: torch.autograd.grad(task_loss(k, net, enhancer(image)), phis[k]) for k, net in recognizers.items()}
    get_strategy("bilevel", order=order, inner_lr=rate, inner_steps=steps).backward(
        output, (output - clean).square().mean() + outside, aux, enhancer.parameters(), phis, WEIGHTS
    )
    found = torch.cat([p.grad.flatten() for p in enhancer.parameters()])
    assert torch.allclose(found[some], torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=2e-8)
    for name, gradients in own.items():
        for parameter, gradient in zip(phis[name], gradients, strict=True):
            assert torch.allclose(parameter.grad, gradient, rtol=0, atol=1e-14)


def theta_gradient(name, case=None, waiting=NetworkLoss, **options):
    enhancer, recognizers, image, clean = case or small_case()
    output = enhancer(image)
    aux = {k: waiting(net, lambda k=k, net=net: task_loss(k, net, output)) for k, net in recognizers.items()}
    phis = {k: net.parameters() for k, net in recognizers.items()}
    main = (output - clean).square().mean()
    get_strategy(name, **options).backward(output, main, aux, enhancer.parameters(), phis, WEIGHTS)
    return torch.cat([p.grad.flatten() for p in enhancer.parameters()])


def test_the_forms_differ_and_become_joint_training_without_a_step():
    found = {order: theta_gradient("bilevel", order=order, inner_lr=0.4) for order in (1, 2)}
    joint = theta_gradient("joint")
    assert (found[1] - joint).abs().max() > 1e-3
    assert (found[2] - found[1]).abs().max() > 1e-3
    for order in (1, 2):
        assert torch.allclose(theta_gradient("bilevel", order=order, inner_lr=1e-12), joint, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["joint", "frozen", "gradprom", "gradprom_cosine"])
def test_other_strategies_take_such_a_loss_as_a_function(name):
    functions = theta_gradient(name, waiting=lambda network, function: function)
    assert torch.equal(theta_gradient(name), functions)


# --- what a look-ahead leaves alone -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "steps"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_buffers_move_once(order, steps):
    """Running statistics, and the vectors by which spectral normalisation finds its norm."""
    case = small_case()
    recognizer = nn.utils.parametrizations.spectral_norm(case[1]["a"][0])
    case[1]["a"][0] = recognizer
    reference = copy.deepcopy(case[1]["a"])
    task_loss("a", reference, case[0](case[2]))
    before = {name: buffer.clone() for name, buffer in case[1]["a"].named_buffers()}
    theta_gradient("bilevel", case, order=order, inner_steps=steps)
    for (name, moved), wanted in zip(case[1]["a"].named_buffers(), reference.buffers(), strict=True):
        assert torch.equal(moved, wanted), name
        assert not torch.equal(moved, before[name]), name


@pytest.mark.parametrize("order", [1, 2])
def test_fixed_parameters_take_no_inner_step(order):
    case = small_case()
    case[1]["a"][0].requires_grad_(False)
    partly = theta_gradient("bilevel", case, order=order, inner_lr=0.4)
    assert case[1]["a"][0].weight.grad is None and case[1]["a"][4].weight.grad is not None
    for network in case[1].values():
        network.requires_grad_(False)
    case[0].zero_grad()
    fixed = theta_gradient("bilevel", case, order=order, inner_lr=0.4)
    assert torch.allclose(fixed, theta_gradient("joint"), rtol=0, atol=1e-14)
    assert (partly - fixed).abs().max() > 1e-4


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("gate", [None, "gradprom"])
def test_an_overflow_is_no_decision(order, gate):
    class Overflow(Product):
        def __call__(self):
            return super().__call__() * math.inf

    report, theta, _ = by_hand(get_strategy("bilevel", order=order, gate=gate), kind=Overflow)
    assert not math.isfinite(theta)
    assert gate is None or (not report.finite and math.isnan(report.gate))


def test_float16_holds_the_second_order():
    """What is pulled back is 66 times the loss's scale of 256 and fits; with that scale squared it would not."""

    class Half(Product):
        def at(self, parameters):
            answer = parameters[0].half() * self.output.half()
            return self.scale * 0.5 * (answer.float() - 1).square().sum()

    _, theta, _ = by_hand(BiLevel(order=2, inner_lr=0.1), 256.0, Half)
    assert theta == pytest.approx(1 + 0.5 * HAND[2], rel=1e-2)


# --- beside gates, processes, and what is refused ---------------------------------------------------------------------


def test_cheaper_gates_look_ahead_too():
    held = get_strategy("bilevel", gate="gradprom", gate_every=2, gate_scope="any", order=2, inner_lr=0.1)
    assert isinstance(held.strategy, HeldGate) and held.strategy.strategy.gate_scope == "any"
    assert [by_hand(held)[0].cosine for _ in range(3)] == [-1.0, None, -1.0]
    copied = get_strategy("bilevel", gate="gradprom", gate_every=2, order=2, inner_lr=0.1)
    copied.load_state_dict(held.state_dict())
    report, theta, _ = by_hand(copied)  # held, and still closed
    assert report.cosine is None and report.gate == 0.0 and theta == pytest.approx(1.0)
    last = get_strategy("bilevel", gate="gradprom", gate_last=1, order=2, inner_lr=0.1)
    assert isinstance(last.strategy, LastLayersGate)
    assert by_hand(last)[0].cosine == pytest.approx(-1.0)


def test_several_processes_must_say_how_they_average(monkeypatch):
    for name, value in (("is_initialized", True), ("get_world_size", 2)):
        monkeypatch.setattr(torch.distributed, name, lambda value=value: value)
    with pytest.raises(RuntimeError, match="average_with"):
        by_hand(BiLevel())


@pytest.mark.parametrize("order", [1, 2])
def test_the_inner_step_is_along_the_mean_over_processes(order):
    """The other process's φ gradient is -4: the mean of 10 and -4 leads to φ' = 3 - 0.1 * 3 = 2.7."""
    strategy = BiLevel(order=order, inner_lr=0.1)
    calls = []

    def average(tensors):
        (tensor,) = tensors
        calls.append(tensor.item())
        # a step of -0.1 * -4, and what the other's adjoint may be
        tensor.add_(0.4 if len(calls) == 1 else 1.2).div_(2)

    strategy.average_with(average)
    _, theta, phi = by_hand(strategy)
    ahead = 2.7 * (2.7 * 2 - 1)
    if order == 2:
        adjoint = (2 * (2.7 * 2 - 1) + 1.2) / 2
        ahead -= 0.1 * 11 * adjoint
    assert len(calls) == order
    assert theta == pytest.approx(1 + 0.5 * ahead)
    assert phi == pytest.approx(10.0)  # its own, whose mean is still to be taken


@pytest.mark.parametrize("given", ["tensor", "function"])
def test_a_loss_at_one_place_only_is_refused(given):
    theta = torch.ones(1, requires_grad=True)
    output = theta * 1.0
    loss = output.sum() if given == "tensor" else output.sum
    with pytest.raises(ValueError, match=r"'t' at other parameters than the recognizer's own, .* pass NetworkLoss"):
        BiLevel().backward(output, output.sum(), {"t": loss}, [theta], {"t": []}, {"t": 1.0})


def test_a_loss_that_ignores_the_output_is_refused():
    theta, network = torch.ones(1, requires_grad=True), nn.Linear(1, 1)
    output = theta * 1.0
    loss = NetworkLoss(network, lambda: network(torch.ones(1, 1)).sum())
    for order in (1, 2):
        with pytest.raises(ValueError, match="does not depend on `output`"):
            BiLevel(order=order).backward(
                output, output.sum(), {"t": loss}, [theta], {"t": network.parameters()}, {"t": 1.0}
            )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": 3}, "order must be 1 or 2"),
        ({"inner_lr": 0.0}, "inner_lr must be a positive number"),
        ({"inner_steps": 0}, "inner_steps must be a whole number"),
        ({"gate": "joint"}, "gate must be None, 'gradprom' or 'gradprom_cosine'"),
        ({"gate_scope": "any"}, "does not take gate_scope without a gate"),
        ({"gate_every": 2}, "does not take gate_every without a gate"),
        ({"gate": "gradprom", "gate_every": 2, "gate_last": 1}, "choose one"),
        ({"gate": "gradprom_cosine", "gate_scope": "any"}, "'gradprom_cosine' does not take"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        get_strategy("bilevel", **options)


@pytest.mark.parametrize("strategy", [EnhancerOnly(), Detached(), Frozen(), BiLevel()], ids=lambda s: type(s).__name__)
def test_a_strategy_that_cannot_look_ahead_is_refused(strategy):
    with pytest.raises(ValueError, match=f"not with {type(strategy).__name__}"):
        BiLevel(strategy)


def test_the_setting_tells_look_aheads_apart():
    setting = get_strategy("bilevel", gate="gradprom", order=2, inner_lr=0.1).setting()
    assert setting == {
        "name": "BiLevel",
        "order": 2,
        "inner_lr": 0.1,
        "inner_steps": 1,
        "strategy": {"name": "GradProm", "threshold": 0.0, "gate_scope": "each"},
    }
    assert get_strategy("bilevel", order=2, inner_lr=0.1).setting()["strategy"] == {"name": "Joint"}
