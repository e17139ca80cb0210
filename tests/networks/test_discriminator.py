# SPDX-License-Identifier: Apache-2.0
"""The discriminator against a hand count and the architecture written out."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks import PerceptualDiscriminator


def test_parameter_count():
    """Eight convolutions, the first with bias, seven normalisations of 2 per channel, a 1 × 1 convolution."""
    widths = [3, 64, 64, 128, 128, 256, 256, 512, 512]
    kernels = sum(9 * a * b for a, b in pairwise(widths))
    expected = kernels + 64 + 2 * sum(widths[2:]) + 512 + 1
    network = PerceptualDiscriminator(in_channels=3)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_forward_is_the_published_one():
    network = PerceptualDiscriminator(channels=(3, 5)).double().eval()
    for name, value in network.state_dict().items():
        if value.ndim == 1:  # statistics and biases away from their neutral starting values
            value.copy_(torch.rand_like(value) * 0.2 + (1 if "var" in name else 0.1))
    state = network.state_dict()
    x = torch.rand(2, 1, 11, 8, dtype=torch.float64)
    out = 2 * x - 1
    for number in range(4):
        name = f"features.{number}"
        bias = state.get(f"{name}.conv.bias")
        out = F.conv2d(out, state[f"{name}.conv.weight"], bias, stride=1 + number % 2, padding=1)
        if number:
            keys = ("running_mean", "running_var", "weight", "bias")
            out = F.batch_norm(out, *(state[f"{name}.adn.N.{key}"] for key in keys))
        out = out * out.sigmoid()
    expected = (F.conv2d(out, state["tail.conv.weight"], state["tail.conv.bias"])).mean(dim=(2, 3))
    assert out.shape[2:] == (3, 2)
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("sides", [(16, 16, 16), (17, 5, 9), (1, 1, 1)])
def test_any_size_and_channel_count(dims, sides):
    network = PerceptualDiscriminator(dims, 4, channels=(2, 3, 4, 5))
    assert network(torch.rand(3, 4, *sides[:dims])).shape == (3, 1)


@pytest.mark.parametrize("mode", [True, False])
def test_every_parameter_gets_a_gradient(mode):
    network = PerceptualDiscriminator(channels=(4, 6)).train(mode)
    network(torch.rand(3, 1, 13, 10)).square().sum().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


@pytest.mark.parametrize(
    ("options", "word"), [({"spatial_dims": 4}, "spatial_dims"), ({"channels": ()}, "one width or more")]
)
def test_wrong_options_are_named(options, word):
    with pytest.raises(InputError, match=word):
        PerceptualDiscriminator(**options)
