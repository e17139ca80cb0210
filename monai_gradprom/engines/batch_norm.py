# SPDX-License-Identifier: Apache-2.0
"""Batch normalisation over the batches of all processes, on GPUs and on the CPU."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .distributed import alone

__all__ = ["SynchronisedBatchNorm", "make_twice_differentiable", "synchronise_batch_norm"]

Network = TypeVar("Network", bound=nn.Module)


def synchronise_batch_norm(network: Network) -> Network:
    """Let batch normalisation in training mode use the statistics of all processes' batches together.

    Without it each process normalises by its own part of the batch, and what it learns depends on how many there are.
    Parameters, buffers and their names stay, so optimizers and checkpoints fit as before.

    Returns:
        ``network`` itself, changed in place (a network that is nothing but a batch normalisation: a new one);
        unchanged in a single process.
    """
    if alone():
        return network
    network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.SyncBatchNorm:
            module.__class__ = SynchronisedBatchNorm  # the same fields, one more kind of device
    return network


def make_twice_differentiable(network: nn.Module) -> None:
    """Let the gradients of synchronised batch normalisations in ``network`` be differentiated, on any device."""
    for module in network.modules():
        if isinstance(module, SynchronisedBatchNorm):
            module.own = True


class SynchronisedBatchNorm(nn.SyncBatchNorm):
    """:class:`torch.nn.SyncBatchNorm`, which refuses the CPU and second derivatives, working there too.

    On other devices it is torch's, unless :attr:`own` is set. In ours mean and (biased) variance are summed over
    processes in two steps, each sample counting alike however unevenly the batch was dealt out; the running variance is
    the unbiased one.

    Attributes:
        own: whether it is this one on every device, because its gradient will be differentiated.
    """

    own = False

    def forward(self, input: Tensor) -> Tensor:
        """Normalise [B, C, *spatial]; B may differ between processes."""
        if not self.training or alone():
            return _BatchNorm.forward(self, input)
        own = self.own or input.device.type == "cpu"
        return self._over_processes(input) if own else super().forward(input)

    def _over_processes(self, input: Tensor) -> Tensor:
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        count = _sum(x.new_tensor(x.numel() // x.shape[1]))
        mean = _sum(x.sum(axes)) / count
        centred = x - mean.view(shape)
        variance = _sum(centred.square().sum(axes)) / count
        if self.track_running_stats:
            self._track(mean.detach(), variance.detach() * count / (count - 1))
        out = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        return out.to(input.dtype)

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        running_mean, running_var, batches = self.running_mean, self.running_var, self.num_batches_tracked
        assert running_mean is not None and running_var is not None and batches is not None
        batches.add_(1)
        share = 1 / float(batches) if self.momentum is None else self.momentum
        running_mean.lerp_(mean.to(running_mean.dtype), share)
        running_var.lerp_(variance.to(running_var.dtype), share)


class _Sum(torch.autograd.Function):
    """The sum over processes. Each one's loss depends on it, so the gradients are summed as well."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradient)  # so that it can be differentiated again
        return total


def _sum(tensor: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(tensor)
    return total
