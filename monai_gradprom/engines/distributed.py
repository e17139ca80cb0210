# SPDX-License-Identifier: Apache-2.0
"""Averaging over processes. The strategies differentiate with ``autograd.grad``, which DDP's hooks do not see."""

from __future__ import annotations

from collections.abc import Iterable

import torch.distributed as dist
from torch import Tensor, nn

from monai_gradprom.strategies import Gradients

__all__ = ["average", "average_gradients", "broadcast_state"]


def average(tensors: Iterable[Tensor | None]) -> None:
    """Replace each tensor by its mean over all processes; nothing to do in a single process.

    Every process must pass the same tensors in the same order.
    """
    if _alone():
        return
    present = [t for t in tensors if t is not None]
    waiting = [dist.all_reduce(t, async_op=True) for t in present]
    for work, tensor in zip(waiting, present, strict=True):
        work.wait()
        tensor.div_(dist.get_world_size())


def average_gradients(gradients: Gradients) -> None:
    """Average all of an update's gradients *before* the gate decides.

    The cosine of mean gradients is not the mean of cosines, and processes that decided on their own would drift apart.
    """
    for group in (gradients.main, *gradients.tasks.values(), *gradients.phis.values()):
        average(group)


def broadcast_state(network: nn.Module) -> None:
    """Give every process the first one's parameters and buffers."""
    if not _alone():
        for tensor in network.state_dict().values():
            dist.broadcast(tensor, 0)


def _alone() -> bool:
    return not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1
