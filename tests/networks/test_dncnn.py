# SPDX-License-Identifier: Apache-2.0
"""DnCNN against hand counts, the published layers written out, and the support of its gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks import DnCNN


def test_parameter_count_is_the_published_networks():
    """DnCNN-S for grey images: 1·64·9 + 64, fifteen times 64·64·9 and two per channel, 64·9 + 1."""
    assert sum(p.numel() for p in DnCNN().parameters()) == 640 + 15 * (36_864 + 128) + 577


@pytest.mark.parametrize("channels", [1, 3])
def test_forward_is_the_published_one(channels):
    torch.manual_seed(0)
    network = DnCNN(in_channels=channels, out_channels=channels, channels=4, depth=5).double().eval()
    state = network.state_dict()
    for name, value in state.items():  # away from neutral starting values; a last layer of zeros would hide all
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.1 if "var" in name else torch.randn_like(value))
    x = torch.rand(2, channels, 9, 12, dtype=torch.float64)

    out = F.relu(F.conv2d(x, state["head.conv.weight"], state["head.conv.bias"], padding=1))
    for number in range(3):
        out = F.conv2d(out, state[f"body.{number}.conv.weight"], padding=1)
        mean, variance, scale, shift = (
            state[f"body.{number}.adn.N.{key}"].view(1, -1, 1, 1)
            for key in ("running_mean", "running_var", "weight", "bias")
        )
        out = ((out - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)
    noise = F.conv2d(out, state["tail.conv.weight"], state["tail.conv.bias"], padding=1)

    torch.testing.assert_close(network(x), x - noise)


def test_receptive_radius_is_the_support_of_the_gradient():
    network = DnCNN(channels=2, depth=4).double().eval()
    for parameter in network.parameters():
        parameter.data.fill_(0.1)  # no path cancels, none is dead
    x = torch.rand(1, 1, 15, 15, dtype=torch.float64, requires_grad=True)
    network(x)[0, 0, 7, 7].backward()
    reached = x.grad[0, 0].ne(0).any(dim=1).nonzero().flatten()
    assert (int(reached.min()), int(reached.max())) == (7 - network.receptive_radius, 7 + network.receptive_radius)


@pytest.mark.parametrize("dims", [2, 3])
def test_untrained_it_changes_nothing_and_learns(dims):
    network = DnCNN(spatial_dims=dims, channels=4, depth=3)
    x = torch.rand(2, 1, *(7, 10, 5)[:dims])
    assert torch.equal(network(x), x)
    network(x).square().mean().backward()
    assert network.tail.conv.weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"spatial_dims": 1}, "spatial_dims"),
        ({"out_channels": 3}, "in_channels is 1 and out_channels is 3"),
        ({"depth": 2}, "depth is 2"),
    ],
)
def test_arguments_that_do_not_fit(options, match):
    with pytest.raises(InputError, match=match):
        DnCNN(**options)
