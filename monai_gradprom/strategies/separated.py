# SPDX-License-Identifier: Apache-2.0
"""The exact way to two gradients over θ at the price of one extra enhancer backward."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .base import TaskLoss, UpdateStrategy, check_tasks, differentiate_task
from .gradients import GradientList, Gradients, differentiate
from .products import dot_and_norms
from .report import GateReport
from .weights import RelativeWeight, Weight

__all__ = ["SeparatedStrategy"]


class SeparatedStrategy(UpdateStrategy):
    """Keeps ∇θ L_IP and each ∇θ L_VR apart, then adds λ · gate · ∇θ L_VR to the former.

    With ŷ = enhancer(x): one recognizer backward gives ∇φ L_VR and v = ∂L_VR/∂ŷ; one backward of L_IP and one
    vector–Jacobian product vᵀ∂ŷ/∂θ per task run through the enhancer's one retained graph. Joint training runs through
    it once, so the gate costs exactly one enhancer backward and one copy of θ's gradients per task. No method that
    needs the cosine over θ pays less in reverse mode: it takes both gradients, and each is a walk through that graph.
    """

    def compute(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, TaskLoss],
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> Gradients:
        """See :meth:`UpdateStrategy.compute`."""
        check_tasks(aux_losses, phis, weights)
        # L_IP itself, not its seed at ŷ: it may reach θ by other ways too. Either walk through the enhancer's graph
        # comes last and frees it; the one before needs room for features' gradients beside the whole graph, and is best
        # taken before a recognizer needs room as well
        waiting = bool(aux_losses) and all(callable(loss) for loss in aux_losses.values())
        main = differentiate([main_loss], theta, retain_graph=True) if waiting else None
        tasks: dict[str, GradientList] = {}
        phi_gradients: dict[str, GradientList] = {}
        for name, loss in aux_losses.items():
            seed, found = differentiate_task(loss, output, phis[name], self.trains_recognizer)
            if self.trains_recognizer:
                phi_gradients[name] = found
            last = main is not None and len(tasks) == len(aux_losses) - 1
            tasks[name] = differentiate([output], theta, [seed], retain_graph=not last)
        if main is None:
            main = differentiate([main_loss], theta)
        return Gradients(main=main, tasks=tasks, phis=phi_gradients)

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`."""
        reports, shares = self.settle(gradients, weights)
        gradients.merge_tasks_(shares)
        return reports

    def settle(
        self, gradients: Gradients, weights: Mapping[str, Weight]
    ) -> tuple[dict[str, GateReport], dict[str, float]]:
        """Decide without touching ``gradients``.

        Returns:
            a report per task, and per task the factor λ · gate with which its gradient enters θ's.
        """
        if not gradients.tasks:
            return {}, {}
        # one transfer for all tasks: the only point at which the host waits for the device
        products = torch.stack([dot_and_norms(gradients.main, task) for task in gradients.tasks.values()]).tolist()
        statistics = {name: _Statistics(*row) for name, row in zip(gradients.tasks, products, strict=True)}
        lambdas = {name: s.resolve(weights[name]) for name, s in statistics.items()}
        if not all(s.finite for s in statistics.values()):
            # NaN >= 0 is False and would pass for a closed gate; let the fault reach θ's .grad, where scalers look
            nothing = {name: GateReport(math.nan, s.cosine, math.nan, finite=False) for name, s in statistics.items()}
            return nothing, dict.fromkeys(statistics, 1.0)
        gates = self.gates(
            {name: s.dot for name, s in statistics.items()}, {name: s.cosine for name, s in statistics.items()}
        )
        reports = {name: GateReport(gates[name], s.cosine, lambdas[name] * s.ratio) for name, s in statistics.items()}
        return reports, {name: lambdas[name] * gates[name] for name in statistics}

    @abstractmethod
    def gates(self, dots: dict[str, float], cosines: dict[str, float]) -> dict[str, float]:
        """The share of each task's λ G_VR that θ takes, from the tasks' dot products and cosines with G_IP."""


class _Statistics:
    """Dot product, norms and what follows from them, for one task."""

    def __init__(self, dot: float, main_squared: float, task_squared: float) -> None:
        self.dot = dot
        self.main = math.sqrt(main_squared) if main_squared >= 0 else math.nan
        self.task = math.sqrt(task_squared) if task_squared >= 0 else math.nan
        self.finite = math.isfinite(dot) and math.isfinite(self.main) and math.isfinite(self.task)

    @property
    def cosine(self) -> float:
        if not self.finite:
            return math.nan
        if self.main == 0 or self.task == 0:
            return 0.0
        return max(-1.0, min(1.0, self.dot / self.main / self.task))

    @property
    def ratio(self) -> float:
        """‖G_VR‖ / ‖G_IP‖."""
        if self.main == 0:
            return math.inf if self.task else 0.0
        return self.task / self.main

    def resolve(self, weight: Weight) -> float:
        """λ as a number."""
        if not isinstance(weight, RelativeWeight):
            return float(weight)
        return weight.rho * self.main / self.task if self.finite and self.task else 0.0
