# SPDX-License-Identifier: Apache-2.0
"""The exact way to two gradients over θ at the price of one extra enhancer backward."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .base import UpdateStrategy, check_tasks, differentiate_task
from .gradients import GradientList, Gradients, add_, differentiate, dot_and_norms
from .report import GateReport
from .weights import RelativeWeight, Weight

__all__ = ["SeparatedStrategy"]


class SeparatedStrategy(UpdateStrategy):
    """Keeps ∇θ L_IP and each ∇θ L_VR apart, then adds λ · gate · ∇θ L_VR to the former.

    With ŷ = enhancer(x): one recognizer backward gives ∇φ L_VR and v = ∂L_VR/∂ŷ; one backward of L_IP and one
    vector–Jacobian product vᵀ∂ŷ/∂θ per task run through the enhancer's one retained graph. Joint training runs through
    it once, so the gate costs exactly one enhancer backward and one copy of θ's gradients per task.
    """

    def compute(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, Tensor],
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> Gradients:
        """See :meth:`UpdateStrategy.compute`."""
        check_tasks(aux_losses, phis, weights)
        seeds: dict[str, Tensor] = {}
        phi_gradients: dict[str, GradientList] = {}
        for name, loss in aux_losses.items():
            seeds[name], found = differentiate_task(loss, output, phis[name], self.trains_recognizer)
            if self.trains_recognizer:
                phi_gradients[name] = found
        tasks = {name: differentiate([output], theta, [seed], retain_graph=True) for name, seed in seeds.items()}
        # last, so that everything is freed; L_IP itself, not its seed at ŷ: it may reach θ by other ways too
        main = differentiate([main_loss], theta)
        return Gradients(main=main, tasks=tasks, phis=phi_gradients)

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`."""
        if not gradients.tasks:
            return {}
        # one transfer for all tasks: the only point at which the host waits for the device
        products = torch.stack([dot_and_norms(gradients.main, task) for task in gradients.tasks.values()]).tolist()
        statistics = {name: _Statistics(*row) for name, row in zip(gradients.tasks, products, strict=True)}
        lambdas = {name: s.resolve(weights[name]) for name, s in statistics.items()}
        finite = all(s.finite for s in statistics.values())
        if finite:
            gates = self.gates(
                {name: s.dot for name, s in statistics.items()}, {name: s.cosine for name, s in statistics.items()}
            )
        else:
            # NaN >= 0 is False and would pass for a closed gate; let the fault reach θ's .grad, where scalers look
            gates = dict.fromkeys(statistics, math.nan)
        for name, task in gradients.tasks.items():
            share = lambdas[name] * gates[name] if finite else 1.0
            if share != 0.0:
                add_(gradients.main, task, scale=share)
        return {
            name: GateReport(gates[name], s.cosine, lambdas[name] * s.ratio if finite else math.nan, finite)
            for name, s in statistics.items()
        }

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
