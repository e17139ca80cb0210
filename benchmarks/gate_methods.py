# SPDX-License-Identifier: Apache-2.0
"""One gated update in several ways, all of which leave the same gradients; and joint training, to compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from gate_cases import Case
from torch import Tensor

from monai_gradprom.strategies import BiLevel, GradProm, HeldGate, LastLayersGate, UpdateStrategy

__all__ = ["METHODS", "OTHERS", "Method", "enhancer_backward", "joint"]

Method = Callable[[Case], None]


def joint(case: Case) -> None:
    """L_IP + Σ λ L_VR, one backward (φ takes λ ∇φ L_VR here, as plain PyTorch has it)."""
    output = case.enhance()
    loss = case.main_loss(output)
    for aux in case.aux_losses(output).values():
        loss = loss + case.weight * aux()
    loss.backward()


def gradprom(case: Case) -> None:
    """This package's gate."""
    run(GradProm(), case)


def run(strategy: UpdateStrategy, case: Case) -> None:
    output = case.enhance()
    weights = dict.fromkeys(case.recognizers, case.weight)
    strategy.backward(output, case.main_loss(output), case.aux_losses(output), case.theta, case.phis, weights)


def naive(case: Case) -> None:
    """One forward, a full backward per loss with the whole graph retained, gradients copied aside."""
    output = case.enhance()
    losses = [case.main_loss(output), *(aux() for aux in case.aux_losses(output).values())]
    copies = []
    for loss in losses:
        loss.backward(retain_graph=loss is not losses[-1])
        copies.append(_taken_grad(case.theta))
    _gate(case, copies)


def naive_forwards(case: Case) -> None:
    """A forward and a backward of its own per loss. Running statistics of the enhancer move once per loss."""
    case.main_loss(case.enhance()).backward()
    copies = [_taken_grad(case.theta)]
    for name in case.recognizers:
        case.aux_losses(case.enhance())[name]().backward()
        copies.append(_taken_grad(case.theta))
    _gate(case, copies)


def pcgrad_style(case: Case) -> None:
    """As in published code of PCGrad (Yu et al., 2020) and LibMTL: a matrix with a flat gradient per loss."""
    output = case.enhance()
    losses = [case.main_loss(output), *(aux() for aux in case.aux_losses(output).values())]
    rows = torch.zeros(len(losses), sum(p.numel() for p in case.theta), device=case.device)
    for row, loss in zip(rows, losses, strict=True):
        loss.backward(retain_graph=loss is not losses[-1])
        row.copy_(torch.cat([grad.flatten() for grad in _taken_grad(case.theta)]))
    products = rows @ rows.T
    shares = torch.where(products[0] >= 0, case.weight, 0.0)
    shares[0] = 1.0
    parts = (shares @ rows).split([p.numel() for p in case.theta])
    for parameter, part in zip(case.theta, parts, strict=True):
        parameter.grad = part.view_as(parameter).clone()


def batched(case: Case) -> None:
    """This package's gate with all products through the enhancer in one, vectorised walk."""
    output = case.enhance()
    seeds = list(torch.autograd.grad(case.main_loss(output), [output]))
    for name, aux in case.aux_losses(output).items():
        seed, *phi = torch.autograd.grad(aux(), [output, *case.phis[name]])
        seeds.append(seed)
        for parameter, gradient in zip(case.phis[name], phi, strict=True):
            parameter.grad = gradient
    found = torch.autograd.grad([output], case.theta, [torch.stack(seeds)], is_grads_batched=True)
    _gate(case, [[gradient[i] for gradient in found] for i in range(len(seeds))])


def held(case: Case) -> None:
    """A held gate's update between two decisions: open, as joint training, with ∇φ L_VR whole."""
    strategy = HeldGate(GradProm(), every=2)
    opened = dict.fromkeys(case.recognizers, 1.0)
    strategy.load_state_dict({"shares": dict.fromkeys(opened, case.weight), "gates": opened, "age": 1})
    run(strategy, case)


def last_layers(case: Case, layers: Sequence[str]) -> None:
    """A gate that looks at the enhancer's last layers."""
    run(LastLayersGate(GradProm(), case.count_of(*layers)), case)


def look_ahead(case: Case, order: int, gated: bool = False) -> None:
    """Bi-level learning: the task's gradient after the recognizer's own step."""
    run(BiLevel(GradProm() if gated else None, order), case)


METHODS: dict[str, Method] = {
    "gradprom": gradprom,
    "naive: one forward, retained graph": naive,
    "naive: a forward per loss": naive_forwards,
    "PCGrad, LibMTL style: flat gradients": pcgrad_style,
    "gradprom with batched products": batched,
}
# ways to other gradients: approximate gates, and look-aheads
OTHERS: dict[str, Method] = {
    "gate on the last layer (tail)": partial(last_layers, layers=("tail",)),
    "gate on the last two (body_end, tail)": partial(last_layers, layers=("body_end", "tail")),
    "held gate, between decisions": held,
    "bi-level, first order": partial(look_ahead, order=1),
    "bi-level, second order": partial(look_ahead, order=2),
    "bi-level, first order, gated": partial(look_ahead, order=1, gated=True),
    "bi-level, second order, gated": partial(look_ahead, order=2, gated=True),
}


def enhancer_backward(output: Tensor, theta: Sequence[Tensor], seed: Tensor) -> None:
    """One vector–Jacobian product through the enhancer's retained graph: what the gate must cost at least."""
    torch.autograd.grad([output], theta, [seed], retain_graph=True)


def _taken_grad(parameters: Sequence[Tensor]) -> list[Tensor]:
    """Copies of all ``.grad``, which are emptied."""
    copies = []
    for parameter in parameters:
        assert parameter.grad is not None
        copies.append(parameter.grad.clone())
        parameter.grad = None
    return copies


def _gate(case: Case, gradients: Sequence[Sequence[Tensor]]) -> None:
    main, *tasks = gradients
    shares = []
    for task in tasks:
        dot = sum((a * b).sum() for a, b in zip(main, task, strict=True))
        shares.append(case.weight if dot >= 0 else 0.0)
    for i, parameter in enumerate(case.theta):
        total = main[i]
        for share, task in zip(shares, tasks, strict=True):
            total = total + share * task[i]
        parameter.grad = total
