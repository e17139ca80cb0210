# SPDX-License-Identifier: Apache-2.0
"""The control of every comparison: a recognizer that learns on enhanced images and sends nothing back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from .base import TaskLoss, UpdateStrategy, check_tasks
from .gradients import Gradients, differentiate
from .report import GateReport
from .weights import Weight

__all__ = ["Detached"]


class Detached(UpdateStrategy):
    """θ takes ∇θ L_IP, φ takes ∇φ L_VR: :class:`Joint` with a gate that is always closed.

    The enhancer is that of :class:`EnhancerOnly`; the recognizer is trained on its images, as under :class:`Joint` and
    the gates. What they gain over this, the recognizer's gradient has done to the enhancer; what this gains over
    :class:`EnhancerOnly`, it has not. No backward runs through the enhancer for a task.
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
        main = differentiate([main_loss], theta)
        found = {}
        for name, loss in aux_losses.items():
            value = loss() if callable(loss) else loss
            found[name] = differentiate([value], phis[name])  # stops at φ: the walk does not enter the enhancer
        return Gradients(main=main, phis=found)

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """Always closed."""
        return {name: GateReport(gate=0.0) for name in weights}
