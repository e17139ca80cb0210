# SPDX-License-Identifier: Apache-2.0
"""The gradients of one update, and the few operations on them that strategies need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .report import GateReport

__all__ = ["GradientList", "Gradients", "accumulate_into_grad", "add_", "differentiate"]

GradientList = list[Tensor | None]


@dataclass
class Gradients:
    """Gradients of one or, under accumulation, several mini-batches, before any decision.

    Lists run parallel to the parameters they belong to; ``None`` stands for a parameter that the loss does not reach.

    Attributes:
        main: ∇θ of the enhancer's loss; of the whole weighted sum where the strategy needs nothing finer.
        tasks: per auxiliary task ∇θ L_VR without λ; empty where ``main`` already holds the sum.
        phis: per auxiliary task ∇φ L_VR without λ; empty where the recognizer is not trained.
        reports: per auxiliary task what was decided, mini-batch by mini-batch, while differentiating; empty where the
            decision is still to come.
    """

    main: GradientList
    tasks: dict[str, GradientList] = field(default_factory=dict)
    phis: dict[str, GradientList] = field(default_factory=dict)
    reports: dict[str, list[GateReport]] = field(default_factory=dict)

    def add_(self, other: Gradients) -> Gradients:
        """Add another mini-batch's gradients in place, and empty it, so that the gate decides once over their sum.

        Raises:
            ValueError: when ``other`` was computed for other tasks.
        """
        if self.tasks.keys() != other.tasks.keys() or self.phis.keys() != other.phis.keys():
            raise ValueError(
                f"cannot accumulate gradients of tasks {sorted(other.phis | other.tasks)} onto those of "
                f"{sorted(self.phis | self.tasks)}: start a new accumulation when the tasks change."
            )
        pairs = [(self.main, other.main)]
        pairs += [(self.tasks[name], gradients) for name, gradients in other.tasks.items()]
        pairs += [(self.phis[name], gradients) for name, gradients in other.phis.items()]
        for mine, theirs in pairs:
            add_(mine, theirs)
            theirs.clear()
        for name, reports in other.reports.items():
            self.reports[name].extend(reports)
        return self

    def merge_tasks_(self, shares: Mapping[str, float]) -> None:
        """Add ``shares[task] * tasks[task]`` of every task to ``main`` in place."""
        for name, gradients in self.tasks.items():
            if shares[name] != 0.0:
                add_(self.main, gradients, scale=shares[name])


def differentiate(
    roots: Sequence[Tensor],
    parameters: Sequence[Tensor],
    seeds: Sequence[Tensor | None] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> GradientList:
    """One backward pass from ``roots`` (weighted by ``seeds``) to ``parameters``, touching no ``.grad``.

    Returns:
        gradients in the order of ``parameters``; ``None`` for those that are fixed or not reached. Each is a tensor of
        its own, as ``backward`` would leave it: autograd may hand out one tensor twice, or an expanded one.
        With ``create_graph`` they can be differentiated in turn.
    """
    trainable = [p for p in parameters if p.requires_grad]
    if not trainable:
        return [None] * len(parameters)
    kept = {"retain_graph": retain_graph or create_graph, "create_graph": create_graph}
    found = iter(torch.autograd.grad(roots, trainable, grad_outputs=seeds, allow_unused=True, **kept))
    seen: set[int] = set()
    return [_own(next(found), seen) if p.requires_grad else None for p in parameters]


def _own(gradient: Tensor | None, seen: set[int]) -> Tensor | None:
    if gradient is None:
        return None
    expanded = any(stride == 0 and size > 1 for stride, size in zip(gradient.stride(), gradient.shape, strict=True))
    if expanded or gradient.data_ptr() in seen:
        return gradient.clone(memory_format=torch.contiguous_format)
    seen.add(gradient.data_ptr())
    return gradient


def add_(target: GradientList, source: Sequence[Tensor | None], scale: float = 1.0) -> None:
    """``target += scale * source`` in place, entry by entry; an empty target entry takes a scaled copy."""
    both = [(t, s) for t, s in zip(target, source, strict=True) if t is not None and s is not None]
    if both:
        torch._foreach_add_([t for t, _ in both], [s for _, s in both], alpha=scale)
    for i, s in enumerate(source):
        if target[i] is None and s is not None:
            target[i] = s * scale


def accumulate_into_grad(parameters: Iterable[Tensor], gradients: GradientList) -> None:
    """Leave gradients in ``.grad`` as ``backward`` would: added to what is there, untouched where there are none."""
    present = [(p, g) for p, g in zip(parameters, gradients, strict=True) if g is not None]
    kept = [(p.grad, g) for p, g in present if p.grad is not None]
    if kept:
        torch._foreach_add_([grad for grad, _ in kept], [g for _, g in kept])
    for parameter, gradient in present:
        if parameter.grad is None:
            parameter.grad = gradient
