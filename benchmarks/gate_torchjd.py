# SPDX-License-Identifier: Apache-2.0
"""The same gate as an aggregator of torchjd (Quinton and Rey, *Jacobian Descent for Multi-Objective Optimization*)."""

from __future__ import annotations

from functools import partial

import torch
from gate_cases import Case
from gate_methods import Method
from torch import Tensor
from torchjd.aggregation import GramianWeightedAggregator, Weighting
from torchjd.autojac import jac_to_grad, mtl_backward
from torchjd.linalg import PSDMatrix

__all__ = ["METHODS"]


class GateWeighting(Weighting[PSDMatrix]):
    """1 for L_IP's gradient; for each other λ where it does not conflict with the first, else 0."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, gramian: Tensor, /) -> Tensor:
        shares = torch.where(gramian[0] >= 0, self.weight, 0.0).to(gramian.dtype)
        shares[0] = 1.0
        return shares


def gate(case: Case, chunk: int | None, save_memory: bool) -> None:
    """One update.

    Args:
        case: networks and batch.
        chunk: how many losses are differentiated at once; None for all, vectorised.
        save_memory: torchjd's ``optimize_gramian_computation``.
    """
    output = case.enhance()
    losses = [case.main_loss(output), *(aux() for aux in case.aux_losses(output).values())]
    phis = [[], *case.phis.values()]
    mtl_backward(losses, output, tasks_params=phis, shared_params=case.theta, parallel_chunk_size=chunk)
    aggregator = GramianWeightedAggregator(GateWeighting(case.weight))
    jac_to_grad(case.theta, aggregator, optimize_gramian_computation=save_memory)


METHODS: dict[str, Method] = {
    "torchjd: mtl_backward as it stands": partial(gate, chunk=None, save_memory=False),
    "torchjd: one loss at a time, saving memory": partial(gate, chunk=1, save_memory=True),
}
