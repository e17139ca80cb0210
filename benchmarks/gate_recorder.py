# SPDX-License-Identifier: Apache-2.0
"""The exact gate, writing down what it decided on: parameter by parameter, and at the enhancer's output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from monai_gradprom.strategies import GateReport, Gradients, GradProm, TaskLoss, Weight

__all__ = ["Recorder"]


class Recorder(GradProm):
    """GradProm at threshold 0. Its reports and gradients are those of :class:`GradProm`; it only costs more."""

    def __init__(self) -> None:
        super().__init__()
        self._products: dict[str, list[Tensor]] = {}
        self._seen: dict[str, list[float]] = {}

    def setting(self) -> dict[str, Any]:
        """What was recorded is no part of the setting."""
        return GradProm().setting()

    def compute(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, TaskLoss],
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> Gradients:
        """See :meth:`UpdateStrategy.compute`; notes the cosine of the losses' gradients at the output first."""
        losses = {name: loss() if callable(loss) else loss for name, loss in aux_losses.items()}
        (main,) = torch.autograd.grad(main_loss, output, retain_graph=True)
        for name, loss in losses.items():
            (task,) = torch.autograd.grad(loss, output, retain_graph=True)
            cosine = F.cosine_similarity(main.flatten(), task.flatten(), dim=0)
            self._seen.setdefault(name, []).append(float(cosine))
        return super().compute(output, main_loss, losses, theta, phis, weights)

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`; notes each parameter's part of the products first."""
        for name, task in gradients.tasks.items():
            parts = [_products(a, b) for a, b in zip(gradients.main, task, strict=True)]
            self._products.setdefault(name, []).append(torch.stack(parts, dim=1))
        return super().decide(gradients, weights)

    def arrays(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Per task ⟨G_IP, G_VR⟩, ‖G_IP‖² and ‖G_VR‖², each [update, parameter], and the cosine at ŷ [update]."""
        found = {}
        for name, parts in self._products.items():
            dots, mains, tasks = torch.stack(parts, dim=1).cpu().numpy()
            found[name] = dots, mains, tasks, np.array(self._seen[name])
        return found


def _products(a: Tensor | None, b: Tensor | None) -> Tensor:
    """The three products of one parameter's gradients, in float64."""
    some = a if a is not None else b
    if some is None:
        return torch.zeros(3, dtype=torch.float64)
    x, y = (torch.zeros_like(some) if t is None else t for t in (a, b))
    x, y = x.double().flatten(), y.double().flatten()
    return torch.stack([x @ y, x @ x, y @ y]).cpu()
