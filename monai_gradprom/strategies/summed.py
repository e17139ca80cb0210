# SPDX-License-Identifier: Apache-2.0
"""Strategies that add every task's gradient without asking: joint training and frozen recognizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .base import TaskLoss, check_tasks, differentiate_task
from .gradients import GradientList, Gradients, differentiate
from .report import GateReport
from .separated import SeparatedStrategy
from .weights import RelativeWeight, Weight

__all__ = ["SummedStrategy", "differentiate_sum"]


class SummedStrategy(SeparatedStrategy):
    """θ takes ∇θ(L_IP + Σ λ L_VR) in a single enhancer backward.

    Only a :class:`RelativeWeight` needs the gradients apart, and then the gate of the parent class stands open.
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
        if any(isinstance(weight, RelativeWeight) for weight in weights.values()):
            return super().compute(output, main_loss, aux_losses, theta, phis, weights)
        seed = torch.zeros_like(output)
        phi_gradients = {}
        for name, loss in aux_losses.items():
            task_seed, found = differentiate_task(loss, output, phis[name], self.trains_recognizer)
            seed.add_(task_seed, alpha=float(weights[name]))  # type: ignore[arg-type]
            if self.trains_recognizer:
                phi_gradients[name] = found
        return Gradients(
            main=differentiate_sum(main_loss, output, seed if aux_losses else None, theta), phis=phi_gradients
        )

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`."""
        if gradients.tasks:
            return super().decide(gradients, weights)
        return {name: GateReport(gate=1.0) for name in weights}

    def gates(self, dots: dict[str, float], cosines: dict[str, float]) -> dict[str, float]:
        """Always open."""
        return dict.fromkeys(cosines, 1.0)


def differentiate_sum(main_loss: Tensor, output: Tensor, seed: Tensor | None, theta: Sequence[Tensor]) -> GradientList:
    """∇θ L_IP + seedᵀ∂ŷ/∂θ in one walk: ``seed`` enters at ŷ while L_IP's own gradient passes through it."""
    if seed is None:
        return differentiate([main_loss], theta)
    return differentiate([main_loss, output], theta, [None, seed])
