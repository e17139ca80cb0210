# SPDX-License-Identifier: Apache-2.0
"""The enhancer alone: no recognizer is run or updated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from .base import TaskLoss, UpdateStrategy
from .gradients import Gradients, differentiate
from .report import GateReport
from .weights import Weight

__all__ = ["EnhancerOnly"]


class EnhancerOnly(UpdateStrategy):
    """θ takes ∇θ L_IP (the paper's Benchmark-i). Auxiliary losses, if any are passed, are ignored."""

    uses_recognizer = False
    trains_recognizer = False

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
        return Gradients(main=differentiate([main_loss], theta))

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """Nothing to decide."""
        return {}
