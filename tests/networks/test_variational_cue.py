# SPDX-License-Identifier: Apache-2.0
"""The cue's distribution, its divergence, and the memory of guides."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from monai_gradprom.networks.guidance_encoder import GuidanceBank, GuidanceEncoder
from monai_gradprom.networks.variational_cue import VariationalCue, gaussian_divergence


def test_divergence_by_hand_and_by_torch():
    # one image: mu 2, sigma 1 gives 2; another: mu 0, sigma^2 = e gives (e - 2) / 2
    mean, log = torch.tensor([[2.0], [0.0]]), torch.tensor([[0.0], [1.0]])
    assert gaussian_divergence(mean, log).item() == pytest.approx((2 + (math.e - 2) / 2) / 2)
    mean, log = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, (log / 2).exp()), Normal(0.0, 1.0)).sum(dim=1).mean()
    torch.testing.assert_close(gaussian_divergence(mean, log), expected)
    assert gaussian_divergence(torch.zeros(1, 3).bfloat16(), torch.zeros(1, 3).bfloat16()).dtype == torch.float32


def test_heads_read_both_vectors_and_keep_the_variance_finite():
    cue = VariationalCue(3, 2, 4)
    guide, image = torch.randn(5, 3, requires_grad=True), torch.randn(5, 2, requires_grad=True)
    mean, log = cue(guide, image)
    torch.testing.assert_close(mean, torch.cat([guide, image], 1) @ cue.mean.weight.T + cue.mean.bias)
    for output in (mean, log):
        for gradient in torch.autograd.grad(output.sum(), (guide, image), retain_graph=True):
            assert gradient.abs().min() > 0
    assert cue(1e6 * guide, image)[1].abs().max() == 10


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("sides", [(1, 1, 1), (17, 9, 12)])
def test_a_guide_of_any_size_gives_one_vector(dims, sides):
    encoder = GuidanceEncoder(dims, 2, 4, 6)
    found = encoder(torch.rand(3, 2, *sides[:dims]))
    assert found.shape == (3, 6)


def test_a_vector_is_of_its_image_alone_and_of_its_levels_and_contrast():
    encoder = GuidanceEncoder(2, 1, 8, 16).double()
    images = torch.rand(3, 1, 32, 32).double()
    vectors = encoder(images)
    torch.testing.assert_close(vectors[1:2], encoder(images[1:2]))
    for changed in (0.6 * images, 0.5 + 0.6 * (images - 0.5)):
        assert (encoder(changed) - vectors).norm() > 1e-2 * vectors.norm()


def test_the_bank_keeps_the_last_vectors():
    bank = GuidanceBank(3, 2)
    assert bank().tolist() == [0, 0] and bank.count == 0
    rows = torch.arange(16.0).view(8, 2)
    bank.store(rows[:2].requires_grad_())
    assert bank().tolist() == [1, 2] and not bank().requires_grad  # the mean of two, not of three
    bank.store(rows[2:4])
    assert bank().tolist() == [4, 5] and sorted(bank.vectors[:, 0].tolist()) == [2, 4, 6]
    bank.store(rows[4:])  # more than fit
    assert sorted(bank.vectors[:, 0].tolist()) == [10, 12, 14] and bank.count == 8
    other = GuidanceBank(3, 2)
    other.load_state_dict(bank.state_dict())
    assert torch.equal(other(), bank())
    other.store(rows[:1])  # the oldest goes
    assert sorted(other.vectors[:, 0].tolist()) == [0, 12, 14]
