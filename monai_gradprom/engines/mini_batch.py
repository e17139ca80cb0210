# SPDX-License-Identifier: Apache-2.0
"""One mini-batch of training, and its losses as strategies take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from monai_gradprom.strategies import NetworkLoss

from .precision import Precision
from .task import AuxiliaryTask, plain

__all__ = ["MiniBatch", "RecognitionLoss", "Scaling"]


@dataclass
class Scaling:
    """What the losses of a mini-batch are multiplied by before they are differentiated.

    Attributes:
        precision: its loss scale.
        accumulation_steps: mini-batches in an update.
        share: this process's part of the whole batch, see :func:`~monai_gradprom.engines.distributed.batch_share`.
    """

    precision: Precision
    accumulation_steps: int
    share: Tensor | None

    def __call__(self, loss: Tensor) -> Tensor:
        """A loss's part of the whole batch and of the accumulation, times the loss scale."""
        part = loss / self.accumulation_steps
        return self.precision.scale(part if self.share is None else part * self.share)

    def common(self, device: torch.device) -> Tensor:
        """The factor without the share: what is left of it when gradients have been averaged over processes."""
        return self.precision.scale(torch.ones((), device=device)) / self.accumulation_steps


@dataclass
class MiniBatch:
    """A mini-batch on the trainer's device.

    Attributes:
        data: the whole of it, with semantic labels.
        image: degraded, [B, C, *spatial].
        target: what the loss function compares with, such as the clean image.
        args: further arguments of the network.
        kwargs: likewise, by name.
        scaling: of its losses.
    """

    data: Mapping[str, Any]
    image: Tensor
    target: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    scaling: Scaling


class RecognitionLoss(NetworkLoss):
    """A task's L_VR on a mini-batch: the recognizer runs when it is called, not before.

    Args:
        task: the task.
        pred: ŷ [B, C, *spatial], with its graph.
        batch: the mini-batch.

    Attributes:
        value: L_VR at the recognizer's own parameters, unscaled and detached, once it has been called.
    """

    value: Tensor

    def __init__(self, task: AuxiliaryTask, pred: Tensor, batch: MiniBatch) -> None:
        super().__init__(task.network, self._unscaled)
        self.task = task
        self.pred = pred
        self.batch = batch

    def __call__(self) -> Tensor:
        """See :meth:`ParametricLoss.__call__`."""
        loss = self._unscaled()
        self.value = loss.detach()
        return self.batch.scaling(loss)

    def at(self, parameters: Sequence[Tensor]) -> Tensor:
        """See :meth:`ParametricLoss.at`."""
        return self.batch.scaling(super().at(parameters))

    @property
    def scale(self) -> Tensor:
        """See :attr:`ParametricLoss.scale`."""
        return self.batch.scaling.common(self.pred.device)

    def _unscaled(self) -> Tensor:
        with self.batch.scaling.precision.autocast():
            return self.task.loss(self.pred, plain(self.batch.target), self.batch.data)
