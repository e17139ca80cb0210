# SPDX-License-Identifier: Apache-2.0
"""One auxiliary recognition task: its network, its loss, its optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from monai.data import MetaTensor
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.optim import Optimizer

from monai_gradprom.errors import InputError
from monai_gradprom.strategies import Weight

__all__ = ["AuxiliaryTask", "fixed_statistics", "plain"]


@dataclass
class AuxiliaryTask:
    """A recognition task that helps to train the enhancer.

    Attributes:
        name: names the task in reports, metrics and checkpoints.
        network: the recognizer, image [B, C, *spatial] in [0, 1] → logits.
        loss_function: with a ``target_key`` (supervised, Eq. 4) called as ``loss_function(VR(ŷ), batch[target_key])``;
            without (unsupervised, Eq. 3) as ``loss_function(VR(ŷ), VR(Y).detach())``.
        optimizer: updates the recognizer; ``None`` where it is never trained (strategy ``frozen``).
        target_key: batch key of the semantic label: class index [B] or integer mask [B, 1, *spatial].
        weight: λ, or a :class:`~monai_gradprom.strategies.RelativeWeight`.
        trained: whether the recognizer already recognises anything. ``frozen`` and unsupervised training have nothing
            to learn from an untrained one, and the trainer refuses it there.
    """

    name: str
    network: nn.Module
    loss_function: Callable[..., Tensor]
    optimizer: Optimizer | None
    target_key: str | None = None
    weight: Weight = 1e-4
    trained: bool = False

    def loss(self, output: Tensor, label: Tensor, batch: Mapping[str, Any]) -> Tensor:
        """L_VR on the enhancer's output.

        Args:
            output: ŷ [B, C, *spatial], with its graph.
            label: the clean image Y, of the same shape.
            batch: the mini-batch, which holds the semantic label of a supervised task.

        Returns:
            a scalar.

        Raises:
            InputError: when the batch lacks the semantic label.
        """
        if self.target_key is None:
            # the target first: its pass must leave no trace, neither a graph nor new running statistics
            with torch.no_grad(), fixed_statistics(self.network):
                target = self.network(label)
        else:
            if self.target_key not in batch:
                raise InputError(
                    f"task {self.name!r} needs the key {self.target_key!r}, but the batch holds {sorted(batch)}: add "
                    "the label to the data or train unsupervised (--supervised false)."
                )
            target = plain(batch[self.target_key]).to(output.device, non_blocking=True)
        return self.loss_function(self.network(output), target).mean()


@contextmanager
def fixed_statistics(network: nn.Module) -> Iterator[None]:
    """Run a network in its current mode without updating running statistics.

    In training mode a batch normalisation that does not track uses the batch's statistics, as before, and keeps none.
    An instance normalisation would write its buffers all the same; it gets a momentum of 0. In eval mode nothing moves.
    """
    tracking = [m for m in network.modules() if isinstance(m, _NormBase) and m.track_running_stats and m.training]
    before = [(module, module.track_running_stats, module.momentum) for module in tracking]
    for module in tracking:
        if isinstance(module, _BatchNorm):
            module.track_running_stats = False
        else:
            module.momentum = 0.0
    try:
        yield
    finally:
        for module, tracks, momentum in before:
            module.track_running_stats, module.momentum = tracks, momentum


def plain(tensor: Tensor) -> Tensor:
    """A tensor without MONAI's metadata, sharing data and graph: each operation on a MetaTensor costs Python time."""
    return tensor.as_tensor() if isinstance(tensor, MetaTensor) else tensor
