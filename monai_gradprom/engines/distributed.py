# SPDX-License-Identifier: Apache-2.0
"""Training in several processes. The strategies differentiate with ``autograd.grad``, which DDP's hooks do not see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from monai_gradprom.errors import InputError
from monai_gradprom.strategies import Gradients

from .buckets import BUCKET_BYTES, average_in_buckets

__all__ = [
    "alone",
    "average",
    "average_gradients",
    "batch_share",
    "broadcast_buffers",
    "broadcast_state",
    "every_process",
    "require_same_length",
    "weighted_means",
]


def alone() -> bool:
    """Whether this is the only process."""
    return not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1


def average(tensors: Iterable[Tensor | None], bucket_bytes: int = BUCKET_BYTES) -> None:
    """Replace each tensor by its mean over all processes; nothing to do in a single process.

    Every process must pass the same tensors in the same order. They travel in buckets, see
    :func:`~monai_gradprom.engines.buckets.average_in_buckets`.
    """
    if not alone():
        average_in_buckets((t for t in tensors if t is not None), bucket_bytes)


def average_gradients(gradients: Gradients, bucket_bytes: int = BUCKET_BYTES) -> None:
    """Average all of an update's gradients *before* the gate decides.

    The cosine of mean gradients is not the mean of cosines, and processes that decided on their own would drift apart.
    After it every process holds the same bits, and so comes to the same decision.
    """
    groups = (gradients.main, *gradients.tasks.values(), *gradients.phis.values())
    average((tensor for group in groups for tensor in group), bucket_bytes)


def batch_share(samples: int, device: torch.device) -> Tensor | None:
    """How much of the whole batch this process holds: its samples over the mean number of samples per process.

    A loss that is a mean over samples, times this share, gives gradients whose mean over processes is the gradient of
    the whole batch, however unevenly it was dealt out. 1 where all processes have the same number.

    Args:
        samples: in this process's mini-batch.
        device: where the losses are; nothing waits for it.

    Returns:
        a float32 scalar on ``device``; None in a single process.
    """
    if alone():
        return None
    total = torch.tensor(float(samples), device=device)
    dist.all_reduce(total)
    return samples * dist.get_world_size() / total


def weighted_means(values: Sequence[Tensor], share: Tensor | None) -> list[Tensor]:
    """The means of scalars over the whole batch, each process's own counting by its :func:`batch_share`."""
    if share is None:
        return [value.detach() for value in values]
    found = torch.stack([value.detach().float() for value in values]) * share
    average([found])
    return list(found)


def broadcast_state(network: nn.Module) -> None:
    """Give every process the first one's parameters and buffers."""
    if not alone():
        for tensor in network.state_dict().values():
            dist.broadcast(tensor, 0)


def broadcast_buffers(network: nn.Module) -> None:
    """Give every process the first one's buffers, such as running statistics, which each updates from its own part."""
    if not alone():
        for buffer in network.buffers():
            dist.broadcast(buffer, 0)


def every_process(value: Any) -> list[Any]:
    """Each process's value, in the order of their ranks; anything that can be pickled."""
    if alone():
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def require_same_length(batches: int | None) -> None:
    """Refuse processes with different numbers of batches an epoch: some would wait for others without end.

    Raises:
        InputError: in every process.
    """
    lengths = every_process(batches)
    if len(set(lengths)) > 1:
        raise InputError(
            f"the processes have {', '.join(map(str, lengths))} batches an epoch, so that some would wait for others "
            "without end: give each the same number, as EpochSampler does."
        )
