# SPDX-License-Identifier: Apache-2.0
"""A gate that looks at the enhancer's last layers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .base import TaskLoss, UpdateStrategy, check_tasks, differentiate_task
from .gradients import GradientList, Gradients, differentiate
from .report import GateReport, mean_report
from .separated import SeparatedStrategy
from .summed import differentiate_sum
from .weights import Weight

__all__ = ["LastLayersGate"]


class LastLayersGate(UpdateStrategy):
    """Decide by the gradients of the enhancer's last parameters, then differentiate the whole enhancer once.

    An approximation: the products through the last layers cost little, and what follows costs what joint training does,
    without a second copy of θ's gradients. `docs/performance.md` says how often the decision is another than the exact
    one. A relative λ, and the reports' cosine and ratio, are over those parameters too.

    It decides on each mini-batch: under accumulation the report has the mean over an update's mini-batches. In several
    processes whoever drives the training says how to average, with :meth:`average_with`; then all decide alike. An
    enhancer compiled as a whole has no cheap product through its last layers alone, and is better off with the exact
    gate.

    Args:
        strategy: the gate, ``gradprom`` or ``gradprom_cosine``.
        count: how many parameter tensors, from the last one of those that are trained; a convolution's weight and bias
            are two.
    """

    def __init__(self, strategy: SeparatedStrategy, count: int) -> None:
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"gate_last must be a whole number of at least 1, got {count!r}.")
        self.strategy = strategy
        self.count = count
        self.trains_recognizer = strategy.trains_recognizer

    def compute(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, TaskLoss],
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> Gradients:
        """See :meth:`UpdateStrategy.compute`; decides as well."""
        check_tasks(aux_losses, phis, weights)
        last = [parameter for parameter in theta if parameter.requires_grad][-self.count :]
        looked_at = Gradients(main=differentiate([main_loss], last, retain_graph=True))
        phi_gradients: dict[str, GradientList] = {}
        seeds: dict[str, Tensor] = {}
        for name, loss in aux_losses.items():
            seeds[name], found = differentiate_task(loss, output, phis[name], self.trains_recognizer)
            if self.trains_recognizer:
                phi_gradients[name] = found
            looked_at.tasks[name] = differentiate([output], last, [seeds[name]], retain_graph=True)
        self.average(tensor for group in (looked_at.main, *looked_at.tasks.values()) for tensor in group)
        reports, shares = self.strategy.settle(looked_at, weights)
        seed = torch.zeros_like(output)
        for name, share in shares.items():
            seed.add_(seeds[name], alpha=share)
        main = differentiate_sum(main_loss, output, seed, theta)
        return Gradients(main=main, phis=phi_gradients, reports={name: [r] for name, r in reports.items()})

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`; everything is decided by then."""
        return {name: mean_report(reports) for name, reports in gradients.reports.items()}

    def setting(self) -> dict[str, Any]:
        """See :meth:`UpdateStrategy.setting`."""
        return {"name": type(self).__name__, "count": self.count, "strategy": self.strategy.setting()}
