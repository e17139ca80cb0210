# SPDX-License-Identifier: Apache-2.0
"""Batch normalisation over processes against one process with the whole batch."""

from __future__ import annotations

import pytest
import torch
from processes import in_processes
from torch import nn

from monai_gradprom.engines import SynchronisedBatchNorm, batch_norm, fixed_statistics, synchronise_batch_norm


def _network(momentum=0.1):
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3, momentum=momentum), nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3))
    ).double()


def _batch():
    return torch.rand(5, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _step(network, x):
    """A loss of every value, its gradients and the statistics that the pass leaves."""
    x = x.clone().requires_grad_()
    network(x).pow(3).sum().backward()
    gradients = [p.grad for p in network.parameters()]
    return x.grad, gradients, [b.clone() for b in network.buffers()]


def _shared(rank, world, momentum, parts):
    network = synchronise_batch_norm(_network(momentum))
    assert [type(m) for m in network.modules() if isinstance(m, nn.SyncBatchNorm)] == [SynchronisedBatchNorm] * 2
    assert network.state_dict().keys() == _network().state_dict().keys()
    return _step(network, _batch().split(parts)[rank])


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("parts", [[3, 2], [4, 1]], ids=str)
def test_values_gradients_and_statistics(momentum, parts):
    wanted_input, wanted, wanted_buffers = _step(_network(momentum), _batch())
    found = in_processes(_shared, momentum, parts)
    assert torch.allclose(torch.cat([f[0] for f in found]), wanted_input, atol=1e-9)
    for i, gradient in enumerate(wanted):  # each process's own part of the sum
        assert torch.allclose(sum(f[1][i] for f in found), gradient, atol=1e-9)
    for f in found:
        assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(f[2], wanted_buffers, strict=True))


def _fixed(rank, world):
    network = synchronise_batch_norm(_network())
    with torch.no_grad(), fixed_statistics(network):
        out = network(_batch().split([3, 2])[rank])
    return out, list(network.buffers())


def test_statistics_can_be_fixed_while_those_of_the_batch_are_used():
    found = in_processes(_fixed)
    assert torch.allclose(torch.cat([out for out, _ in found]), _network()(_batch()), atol=1e-9)
    for _, buffers in found:
        assert all(torch.equal(a, b) for a, b in zip(buffers, _network().buffers(), strict=True))


def _evaluated(rank, world):
    network = synchronise_batch_norm(_network()).eval()
    return network(_batch()) if rank == 0 else None  # nobody waits for the other


def test_evaluation_waits_for_nobody():
    assert torch.equal(in_processes(_evaluated)[0], _network().eval()(_batch()))


def test_a_single_process_keeps_its_network():
    assert type(synchronise_batch_norm(_network())[1]) is nn.BatchNorm2d


def _second_derivative(network, x):
    """Of the gradient's square over ``x``, which runs through every statistic twice."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).pow(3).sum(), x, create_graph=True)
    (gradient * x.detach()).pow(2).sum().backward()
    return x.grad


def _shared_second(rank, world):
    return _second_derivative(synchronise_batch_norm(_network()), _batch().split([3, 2])[rank])


def test_gradients_can_be_differentiated():
    found = in_processes(_shared_second)
    wanted = _second_derivative(_network(), _batch())
    assert torch.allclose(torch.cat(found), wanted, rtol=1e-9, atol=1e-9)


def test_torchs_own_kernel_gives_way_where_it_could_not_be_differentiated(monkeypatch):
    """On a device that is no CPU."""
    module = nn.Sequential(nn.SyncBatchNorm(3))
    module[0].__class__ = SynchronisedBatchNorm
    monkeypatch.setattr(batch_norm, "alone", lambda: False)
    monkeypatch.setattr(nn.SyncBatchNorm, "forward", lambda self, x: "torch's")
    monkeypatch.setattr(SynchronisedBatchNorm, "_over_processes", lambda self, x: "ours")
    x = torch.empty(2, 3, 4, device="meta")
    assert module(x) == "torch's"
    batch_norm.make_twice_differentiable(module)
    assert module(x) == "ours"
