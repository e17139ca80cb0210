# SPDX-License-Identifier: Apache-2.0
"""A gate that is decided anew only now and then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from .base import TaskLoss, UpdateStrategy
from .frozen import Frozen
from .gradients import Gradients
from .joint import Joint
from .report import GateReport
from .separated import SeparatedStrategy
from .weights import Weight

__all__ = ["HeldGate"]


class HeldGate(UpdateStrategy):
    """Decide exactly in every k-th update, and hold the gate, and a relative λ, in those between.

    An approximation: an update between two decisions costs what joint training costs, and its gate is the one that an
    earlier mini-batch asked for. `docs/performance.md` says how often that is another than the exact one.

    An update in which a gradient is not finite decides nothing; the next one decides. Under accumulation an update is
    what ends in one optimizer step, and under several processes all of them hold what they decided on together.

    Args:
        strategy: the gate, ``gradprom`` or ``gradprom_cosine``.
        every: k ≥ 1; 1 is the exact gate.
    """

    def __init__(self, strategy: SeparatedStrategy, every: int) -> None:
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"gate_every must be a whole number of at least 1, got {every!r}.")
        self.strategy = strategy
        self.every = every
        self.trains_recognizer = strategy.trains_recognizer
        self._shares: dict[str, float] = {}
        self._gates: dict[str, float] = {}
        self._age = 0  # updates since the decision, that one included

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
        if self._shares.keys() == aux_losses.keys() and self._age < self.every:
            between = Joint() if self.trains_recognizer else Frozen()
            return between.compute(output, main_loss, aux_losses, theta, phis, self._shares)
        return self.strategy.compute(output, main_loss, aux_losses, theta, phis, weights)

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`; a held gate's report knows neither cosine nor ratio."""
        if not gradients.tasks:
            self._age += 1
            return {name: GateReport(gate) for name, gate in self._gates.items()}
        reports, shares = self.strategy.settle(gradients, weights)
        gradients.merge_tasks_(shares)
        decided = all(report.finite for report in reports.values())
        self._shares = shares if decided else {}
        self._gates = {name: report.gate for name, report in reports.items()} if decided else {}
        self._age = 1
        return reports

    def setting(self) -> dict[str, Any]:
        """See :meth:`UpdateStrategy.setting`."""
        return {"name": type(self).__name__, "every": self.every, "strategy": self.strategy.setting()}

    def state_dict(self) -> dict[str, Any]:
        """The decision that is held, and for how many updates it has been."""
        return {"shares": dict(self._shares), "gates": dict(self._gates), "age": self._age}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from :meth:`state_dict`."""
        self._shares, self._gates, self._age = dict(state["shares"]), dict(state["gates"]), state["age"]
