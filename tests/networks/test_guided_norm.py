# SPDX-License-Identifier: Apache-2.0
"""AdaLIN against torch's own normalisations and hand-set cues."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.networks.guided_decoder import GuidedBlock
from monai_gradprom.networks.guided_norm import GuidedNorm


def norm(rho, dims=2, channels=3, cue=5):
    torch.manual_seed(0)
    layer = GuidedNorm(dims, channels, cue).double()
    with torch.no_grad():
        layer.mixture.fill_(torch.logit(torch.tensor(rho, dtype=torch.float64)))
    return layer


@pytest.mark.parametrize("sides", [(7, 5), (4, 3, 6)])
@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_it_is_the_mixture_of_instance_and_layer_normalisation(sides, rho):
    layer = norm(min(max(rho, 1e-12), 1 - 1e-12), len(sides))
    x, cue = torch.randn(2, 3, *sides, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    mixed = rho * F.instance_norm(x) + (1 - rho) * F.layer_norm(x, x.shape[1:])
    gamma, beta = (cue @ layer.affine.weight.T + layer.affine.bias).split(3, dim=1)
    shape = [2, 3, *[1] * len(sides)]
    torch.testing.assert_close(layer(x, cue), (1 + gamma.view(shape)) * mixed + beta.view(shape))


def test_the_mixture_starts_at_nine_tenths_and_is_learned():
    layer = GuidedNorm(2, 3, 5)
    assert torch.sigmoid(layer.mixture).tolist()[0] == [[[pytest.approx(0.9, abs=1e-3)]]] * 3
    layer(torch.randn(2, 3, 4, 4), torch.randn(2, 5)).square().sum().backward()
    assert layer.mixture.grad.abs().min() > 0


def test_each_images_statistics_are_its_own():
    layer, x, cue = norm(0.5), torch.randn(2, 3, 6, 6).double(), torch.randn(2, 5).double()
    torch.testing.assert_close(layer(x, cue)[:1], layer(x[:1], cue[:1]))


def test_a_single_pixel_is_all_shift():
    layer, cue = norm(1 - 1e-12), torch.randn(1, 5).double()
    found = layer(torch.randn(1, 3, 1, 1).double(), cue).flatten()
    torch.testing.assert_close(found, layer.affine(cue)[0, 3:])


def test_the_decoder_block_written_out():
    torch.manual_seed(1)
    block = GuidedBlock(2, 6, 4, 3, 5).double()
    below, beside, cue = (torch.randn(*shape).double() for shape in ((2, 6, 3, 4), (2, 4, 6, 8), (2, 5)))
    state = block.state_dict()
    x = F.conv2d(below, state["below.conv.weight"], state["below.conv.bias"])
    x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    x = x + F.conv2d(beside, state["beside.conv.weight"], state["beside.conv.bias"])
    inner = F.leaky_relu(block.norm(x, cue), 0.2)
    expected = x + F.conv2d(inner, state["conv.conv.weight"], state["conv.conv.bias"], padding=1)
    torch.testing.assert_close(block(below, beside, cue), expected)
