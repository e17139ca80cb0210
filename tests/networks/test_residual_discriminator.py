# SPDX-License-Identifier: Apache-2.0
"""The residual discriminator against the architecture written out."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks import ResidualDiscriminator


def test_six_halvings_and_their_parameters():
    widths = [64, 128, 256, 512, 512, 512, 512]
    blocks = sum(9 * a * a + a + 9 * a * b + b + a * b for a, b in pairwise(widths))
    with torch.device("meta"):
        network = ResidualDiscriminator(in_channels=3)
    assert sum(p.numel() for p in network.parameters()) == 27 * 64 + 64 + blocks + 512 + 1


def test_forward_is_the_published_one():
    network = ResidualDiscriminator(channels=(3, 4, 5)).double()
    state, x = network.state_dict(), torch.rand(2, 1, 8, 12, dtype=torch.float64)

    def conv(x, name):
        weight = state[f"{name}.conv.weight"]
        return F.conv2d(x, weight, state.get(f"{name}.conv.bias"), padding=weight.shape[-1] // 2)

    out = conv(2 * x - 1, "features.0")
    for number in (1, 2):
        name = f"features.{number}"
        inner = F.avg_pool2d(conv(F.leaky_relu(out, 0.2), f"{name}.conv1"), 2)
        inner = conv(F.leaky_relu(inner, 0.2), f"{name}.conv2")
        out = (inner + F.avg_pool2d(conv(out, f"{name}.shortcut"), 2)) / 2**0.5
    expected = F.leaky_relu(out, 0.2).mean(dim=(2, 3)) @ state["tail.weight"].T + state["tail.bias"]
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("sides", [(16, 16, 16), (17, 5, 9), (1, 1, 1)])
def test_any_size_and_channel_count(dims, sides):
    assert ResidualDiscriminator(dims, 4, (2, 3, 4, 5))(torch.rand(3, 4, *sides[:dims])).shape == (3, 1)


def test_an_images_logit_depends_on_it_alone():
    network, x = ResidualDiscriminator(channels=(4, 6)).train().double(), torch.rand(3, 1, 9, 9).double()
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]))


def test_every_parameter_gets_a_gradient():
    network = ResidualDiscriminator(channels=(4, 6))
    network(torch.rand(3, 1, 13, 10)).square().sum().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


@pytest.mark.parametrize(
    ("options", "word"), [({"spatial_dims": 4}, "spatial_dims"), ({"channels": (4,)}, "two or more")]
)
def test_wrong_options_are_named(options, word):
    with pytest.raises(InputError, match=word):
        ResidualDiscriminator(**options)
