# SPDX-License-Identifier: Apache-2.0
"""One SGD step of every strategy against the paper's equations, written out with full separate backwards."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from monai_gradprom.strategies import RelativeWeight, get_strategy

LEARNING_RATE = 0.1
FIXED = ("frozen", "frozen_gradprom", "frozen_gradprom_cosine")
NAMES = ["enhancer_only", "detached", "joint", "gradprom", "gradprom_cosine", *FIXED]


class Enhancer(nn.Module):
    """Two layers with batch normalisation, and a parameter that only a KL-like term outside the output sees."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Tanh(), nn.Conv2d(3, 1, 3, padding=1)
        )
        self.prior = nn.Parameter(torch.tensor([0.3]))

    def forward(self, x):
        return self.body(x)


def recognizer():
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Tanh(), nn.Flatten(), nn.Linear(2 * 36, 1)
    )


def build(tasks):
    torch.manual_seed(3)
    enhancer = Enhancer().double()
    recognizers = {f"task{i}": recognizer().double() for i in range(tasks)}
    x, y = torch.rand(4, 1, 6, 6).double(), torch.rand(4, 1, 6, 6).double()
    return enhancer, recognizers, x, y


def main_loss(enhancer, output, target, outside):
    loss = (output - target).square().mean()
    # a term that reaches θ without passing through the output, as a KL divergence does
    return loss + (enhancer.prior.square().sum() + 0.2 * enhancer.body[0].weight.square().sum() if outside else 0.0)


def aux_loss(kind, logits, output, target):
    """Losses built to agree with, oppose, or be blind to the main loss."""
    small = 0.01 * logits.square().mean()
    if kind == "aligned":
        return (output - target).square().mean() + small
    if kind == "conflicting":
        return -(output - target).square().mean() + small
    if kind == "zero":
        # depends on φ, and on ŷ with a vanishing gradient
        return (logits * 0).mean() + (output * 0).sum()
    return logits.square().mean() + output.mean()


def full_gradients(enhancer, recognizers, x, y, kinds, outside, frozen=False):
    """G_IP, and per task G_VR and ∇φ, each by a forward and backward of its own on copies of the networks."""

    def run():
        theirs = copy.deepcopy(enhancer)
        output = theirs(x)
        return theirs, output

    theirs, output = run()
    g_ip = torch.autograd.grad(main_loss(theirs, output, y, outside), list(theirs.parameters()), allow_unused=True)
    g_vr, g_phi = {}, {}
    for name, kind in kinds.items():
        theirs, output = run()
        net = copy.deepcopy(recognizers[name])
        net.train(not frozen)
        loss = aux_loss(kind, net(output), output, y)
        grads = torch.autograd.grad(loss, [*theirs.parameters(), *net.parameters()], allow_unused=True)
        count = len(list(theirs.parameters()))
        g_vr[name], g_phi[name] = grads[:count], grads[count:]
    return g_ip, g_vr, g_phi


def flat(gradients, parameters):
    return torch.cat(
        [(torch.zeros_like(p) if g is None else g).flatten() for g, p in zip(gradients, parameters, strict=True)]
    )


def expected_theta(name, parameters, g_ip, g_vr, weights, scope):
    main = flat(g_ip, parameters)
    tasks = {k: flat(v, parameters) for k, v in g_vr.items()}
    if name in ("enhancer_only", "detached"):
        return main
    if name in ("joint", "frozen"):
        return main + sum(weights[k] * v for k, v in tasks.items())
    dots = {k: float(main @ v) for k, v in tasks.items()}
    if name.endswith("gradprom"):
        gates = {k: float(d >= 0) for k, d in dots.items()}
        if scope == "any":
            gates = dict.fromkeys(gates, max(gates.values()))
    else:
        gates = {k: max(0.0, dots[k] / max(float(main.norm() * v.norm()), 1e-300)) for k, v in tasks.items()}
    return main + sum(weights[k] * gates[k] * v for k, v in tasks.items())


def step(strategy, enhancer, recognizers, x, y, kinds, weights, outside):
    theta = list(enhancer.parameters())
    phis = {k: list(net.parameters()) for k, net in recognizers.items()}
    for net in recognizers.values():
        net.train(strategy.trains_recognizer)
    sgd = torch.optim.SGD([*theta, *(p for ps in phis.values() for p in ps)], LEARNING_RATE)
    output = enhancer(x)
    aux = {k: aux_loss(kind, recognizers[k](output), output, y) for k, kind in kinds.items()}
    reports = strategy.backward(output, main_loss(enhancer, output, y, outside), aux, theta, phis, weights)
    sgd.step()
    return reports


CASES = [
    ["aligned"],
    ["conflicting"],
    ["zero"],
    ["other"],
    ["aligned", "conflicting"],
    ["conflicting", "other"],
    ["conflicting", "conflicting"],
]


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("kinds", CASES, ids="+".join)
@pytest.mark.parametrize(("name", "scope"), [*((name, "each") for name in NAMES), ("gradprom", "any")])
def test_parameters_after_one_step_follow_the_equations(name, kinds, outside, scope):
    enhancer, recognizers, x, y = build(len(kinds))
    kinds = dict(zip(recognizers, kinds, strict=True))
    weights = {k: 0.7 + i for i, k in enumerate(kinds)}
    strategy = get_strategy(name, gate_scope=scope) if name.endswith("gradprom") else get_strategy(name)
    g_ip, g_vr, g_phi = full_gradients(enhancer, recognizers, x, y, kinds, outside, frozen=name in FIXED)
    theta = flat([p.detach().clone() for p in enhancer.parameters()], list(enhancer.parameters()))
    wanted = theta - LEARNING_RATE * expected_theta(name, list(enhancer.parameters()), g_ip, g_vr, weights, scope)
    phi_before = {k: [p.detach().clone() for p in net.parameters()] for k, net in recognizers.items()}

    step(strategy, enhancer, recognizers, x, y, kinds, weights, outside)

    assert torch.allclose(flat(list(enhancer.parameters()), list(enhancer.parameters())), wanted, rtol=0, atol=1e-12)
    for k, net in recognizers.items():
        for before, gradient, after in zip(phi_before[k], g_phi[k], net.parameters(), strict=True):
            moved = 0 if name in (*FIXED, "enhancer_only") or gradient is None else LEARNING_RATE * gradient
            assert torch.allclose(after, before - moved, rtol=0, atol=1e-12)


def test_an_orthogonal_gradient_is_open():
    """θ = (a, b): L_IP sees a only, L_VR sees b only; their product over θ is exactly zero."""
    theta = [torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)]
    output = theta[0] * 1.0
    reports = get_strategy("gradprom").backward(
        output, output[0].square(), {"t": output[1].square()}, theta, {"t": []}, {"t": 0.5}
    )
    assert reports["t"].gate == 1.0
    assert reports["t"].cosine == 0.0
    assert reports["t"].ratio == pytest.approx(0.5 * 4.0 / 2.0)
    assert theta[0].grad.tolist() == [2.0, 2.0]


def one_step_theta(name, kinds=("conflicting",)):
    enhancer, recognizers, x, y = build(len(kinds))
    kinds = dict(zip(recognizers, kinds, strict=True))
    step(get_strategy(name), enhancer, recognizers, x, y, kinds, dict.fromkeys(kinds, 0.7), False)
    return torch.cat([p.detach().flatten() for p in enhancer.parameters()])


def test_strategies_differ_where_they_should():
    results = {name: one_step_theta(name) for name in ("enhancer_only", "detached", "joint", "gradprom", *FIXED)}
    for gated in ("gradprom", "frozen_gradprom", "frozen_gradprom_cosine"):
        assert torch.equal(results[gated], results["enhancer_only"])  # the gate really closes
    assert torch.equal(results["detached"], results["enhancer_only"])
    for other in ("joint", "frozen"):
        assert (results[other] - results["enhancer_only"]).abs().max() > 1e-4
    opened = {name: one_step_theta(name, ("aligned",)) for name in ("enhancer_only", "joint", "gradprom")}
    assert torch.allclose(opened["gradprom"], opened["joint"], rtol=0, atol=1e-14)  # and really opens
    frozen = [one_step_theta(name, ("aligned",)) for name in ("frozen_gradprom", "frozen")]
    assert torch.allclose(*frozen, rtol=0, atol=1e-14)
    mixed = {name: one_step_theta(name, ("aligned", "conflicting")) for name in ("enhancer_only", "joint", "gradprom")}
    for a, b in (("gradprom", "joint"), ("joint", "enhancer_only"), ("gradprom", "enhancer_only")):
        assert (mixed[a] - mixed[b]).abs().max() > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_batch_normalisation_statistics_move_once(name):
    enhancer, recognizers, x, y = build(1)
    reference = copy.deepcopy(enhancer)
    reference(x)
    step(get_strategy(name), enhancer, recognizers, x, y, {"task0": "other"}, {"task0": 1.0}, False)
    assert enhancer.body[1].num_batches_tracked == 1
    assert torch.equal(enhancer.body[1].running_mean, reference.body[1].running_mean)


@pytest.mark.parametrize("tasks", [1, 2])
@pytest.mark.parametrize(
    ("name", "backwards_per_task"),
    [("detached", 0), ("joint", 0), ("frozen", 0), ("gradprom", 1), ("gradprom_cosine", 1), ("frozen_gradprom", 1)],
)
def test_price_in_enhancer_backwards(name, backwards_per_task, tasks):
    """Counts how often the gradient of the enhancer's first layer is computed: once in joint training."""
    enhancer, recognizers, x, y = build(tasks)
    forwards, backwards = [], []
    enhancer.body[0].register_forward_hook(
        lambda module, args, out: (forwards.append(1), out.register_hook(lambda g: backwards.append(1)))[0]
    )
    step(
        get_strategy(name),
        enhancer,
        recognizers,
        x,
        y,
        dict.fromkeys(recognizers, "other"),
        dict.fromkeys(recognizers, 1.0),
        False,
    )
    assert len(forwards) == 1
    assert len(backwards) == 1 + backwards_per_task * tasks


@pytest.mark.parametrize("name", ["joint", "frozen", "gradprom", "frozen_gradprom"])
def test_relative_weight_has_the_stated_norm(name):
    enhancer, recognizers, x, y = build(1)
    kinds = {"task0": "aligned"}
    g_ip, g_vr, _ = full_gradients(enhancer, recognizers, x, y, kinds, False, frozen=name in FIXED)
    parameters = list(enhancer.parameters())
    main, task = flat(g_ip, parameters), flat(g_vr["task0"], parameters)
    before = flat([p.detach().clone() for p in parameters], parameters)
    reports = step(get_strategy(name), enhancer, recognizers, x, y, kinds, {"task0": RelativeWeight(0.3)}, False)
    moved = (before - flat([p.detach() for p in parameters], parameters)) / LEARNING_RATE
    assert torch.allclose(moved, main + 0.3 * main.norm() / task.norm() * task, rtol=0, atol=1e-10)
    assert reports["task0"].ratio == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["gradprom", "gradprom_cosine"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("weight", [1.0, 0.0, RelativeWeight(0.3)])
def test_a_gradient_that_is_not_finite_is_no_closed_gate(name, bad, weight):
    theta = [torch.tensor([1.0, 2.0], requires_grad=True)]
    output = theta[0] * 1.0
    reports = get_strategy(name).backward(
        output, output.sum(), {"t": output.sum() * bad}, theta, {"t": []}, {"t": weight}
    )
    assert not reports["t"].finite
    assert math.isnan(reports["t"].gate)
    assert not torch.isfinite(theta[0].grad).all()  # a scaler that looks at .grad finds the fault


def test_gate_is_decided_in_float32_for_half_precision_gradients():
    """4,096 products of 1 + one of -4,000: a sum in bfloat16 stalls at 256 and would come out negative."""
    n = 4096
    direction = torch.ones(n + 1)
    direction[-1] = -4000.0
    theta = [torch.zeros(n + 1, dtype=torch.bfloat16, requires_grad=True)]
    output = theta[0] * 1.0
    reports = get_strategy("gradprom").backward(
        output, output.sum(), {"t": (output * direction.bfloat16()).sum()}, theta, {"t": []}, {"t": 1.0}
    )
    assert reports["t"].gate == 1.0
    assert reports["t"].cosine == pytest.approx((n - 4000) / math.sqrt(n + 1) / math.sqrt(n + 4000.0**2), rel=1e-2)


def test_threshold_moves_the_gate():
    def gate(threshold):
        theta = [torch.tensor([1.0, 1.0], requires_grad=True)]
        output = theta[0] * 1.0
        report = get_strategy("gradprom", threshold=threshold).backward(
            output, output.sum(), {"t": output[0]}, theta, {"t": []}, {"t": 1.0}
        )["t"]
        assert report.cosine == pytest.approx(math.sqrt(0.5))
        return report.gate

    assert gate(0.7) == 1.0
    assert gate(0.71) == 0.0


def test_gradients_add_to_what_is_there_and_own_their_memory():
    """Autograd hands one tensor to both parameters here, and expands another; optimizers work in place."""
    a, b = (torch.zeros(3, requires_grad=True) for _ in range(2))
    output = a + b
    a.grad = torch.full((3,), 5.0)
    get_strategy("enhancer_only").backward(output, output.sum(), {}, [a, b], {}, {})
    assert a.grad.tolist() == [6.0] * 3
    b.grad.mul_(2)
    assert a.grad.tolist() == [6.0] * 3
    assert b.grad.tolist() == [2.0] * 3


def test_fixed_parameters_stay_fixed():
    enhancer, recognizers, x, y = build(1)
    enhancer.body[0].requires_grad_(False)
    step(get_strategy("gradprom"), enhancer, recognizers, x, y, {"task0": "aligned"}, {"task0": 1.0}, False)
    assert enhancer.body[0].weight.grad is None
    assert enhancer.body[3].weight.grad is not None


def test_accumulated_gradients_are_gated_once_over_their_sum():
    """Two mini-batches whose gates would differ: the sum decides."""
    strategy = get_strategy("gradprom")
    theta = [torch.tensor([1.0], requires_grad=True)]

    def compute(main, aux):
        output = theta[0] * 1.0
        return strategy.compute(output, main * output.sum(), {"t": aux * output.sum()}, theta, {"t": []}, {"t": 1.0})

    pending = compute(1.0, -1.0).add_(compute(1.0, 3.0))
    reports = strategy.apply(pending, theta, {"t": []}, {"t": 1.0})
    assert reports["t"].gate == 1.0
    assert theta[0].grad.tolist() == [2.0 + 2.0]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_may_come_as_generators(name):
    enhancer, recognizers, x, y = build(1)
    output = enhancer(x)
    aux = {"task0": aux_loss("aligned", recognizers["task0"](output), output, y)}
    get_strategy(name).backward(
        output, (output - y).square().mean(), aux, enhancer.parameters(), {"task0": recognizers["task0"].parameters()},
        {"task0": 1.0},
    )  # fmt: skip
    assert all(p.grad is not None for p in enhancer.body.parameters())
    trained = name not in ("enhancer_only", *FIXED)
    assert all((p.grad is not None) is trained for p in recognizers["task0"].parameters())


@pytest.mark.parametrize("name", NAMES)
def test_every_graph_is_freed(name):
    """What the losses kept for their backward, on either side of ŷ, is gone: differentiating again fails."""
    enhancer, recognizers, x, y = build(1)
    output = enhancer(x)
    squared = (output - y).square()
    logits = recognizers["task0"](output)
    strategy = get_strategy(name)
    strategy.backward(
        output,
        squared.square().mean(),
        {"task0": logits.square().mean()},
        enhancer.parameters(),
        {"task0": recognizers["task0"].parameters()},
        {"task0": 1.0},
    )
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(squared.sum(), output)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(output.sum(), enhancer.body[0].weight)
    if strategy.uses_recognizer:
        with pytest.raises(RuntimeError, match="second time"):
            torch.autograd.grad(logits.sum(), output)
