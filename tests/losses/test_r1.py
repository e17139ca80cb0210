# SPDX-License-Identifier: Apache-2.0
"""The R1 penalty by hand, and the guidance that learns from references."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.losses import DomainGuidance, UnpairedTarget, r1_penalty
from monai_gradprom.networks import ResidualDiscriminator


class Quadratic(nn.Module):
    """D(x) = w Σ x² + b Σ x: its gradient at x is 2 w x + b."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(-0.3, dtype=torch.float64))

    def forward(self, x):
        return (self.w * x.square() + self.b * x).flatten(1).sum(dim=1, keepdim=True)


def test_the_penalty_and_its_gradient_by_hand():
    network, x = Quadratic(), torch.rand(3, 1, 2, 2, dtype=torch.float64)
    penalty = r1_penalty(network, x)
    slopes = 2 * 0.7 * x.numpy() - 0.3
    assert penalty.item() == pytest.approx(0.5 * np.sum(slopes**2) / 3)
    penalty.backward()
    # d/dw of ½ Σ (2 w x + b)² / 3, and d/db
    assert network.w.grad.item() == pytest.approx(np.sum(slopes * 2 * x.numpy()) / 3)
    assert network.b.grad.item() == pytest.approx(np.sum(slopes) / 3)
    assert x.grad is None and not x.requires_grad


def test_the_penalty_of_a_network_by_finite_differences():
    torch.manual_seed(0)
    network, x = ResidualDiscriminator(channels=(3, 4)).double(), torch.rand(2, 1, 4, 3, dtype=torch.float64)
    squares = 0.0
    for index in np.ndindex(*x.shape):
        step = torch.zeros_like(x)
        step[index] = 1e-6
        with torch.no_grad():
            squares += ((network(x + step) - network(x - step)).sum().item() / 2e-6) ** 2
    assert r1_penalty(network, x).item() == pytest.approx(0.5 * squares / 2, rel=1e-5)


def test_the_penalty_is_full_precision_under_autocast():
    torch.manual_seed(0)
    network, x = ResidualDiscriminator(channels=(3, 4)), torch.rand(2, 1, 9, 9)
    expected = r1_penalty(network, x)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        found = r1_penalty(network, x.bfloat16())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0)


@pytest.fixture
def guidance():
    torch.manual_seed(0)
    return DomainGuidance(ResidualDiscriminator(channels=(4, 6)), r1_weight=0.5)


def batch():
    return torch.rand(2, 1, 16, 16), UnpairedTarget(torch.rand(2, 1, 16, 16), torch.rand(3, 1, 20, 12))


def test_the_discriminator_learns_cross_entropy_and_the_weighted_penalty_of_the_references(guidance):
    pred, target = batch()
    found = guidance.discriminator_loss(pred.requires_grad_(), target)
    real, fake = guidance.discriminator(target.reference), guidance.discriminator(pred)
    penalty = r1_penalty(guidance.discriminator, target.reference)
    torch.testing.assert_close(found, F.softplus(-real).mean() + F.softplus(fake).mean() + 0.5 * penalty)
    torch.testing.assert_close(guidance.term_values["r1"], penalty.detach())
    found.backward()
    assert pred.grad is None
    moved = target._replace(source=torch.zeros(1))  # the source is no real image
    torch.testing.assert_close(guidance.discriminator_loss(pred, moved), found)


def test_the_penalty_is_a_switch(guidance):
    pred, target = batch()
    off = DomainGuidance(guidance.discriminator, r1_weight=0)
    difference = guidance.discriminator_loss(pred, target) - off.discriminator_loss(pred, target)
    torch.testing.assert_close(difference, 0.5 * guidance.term_values["r1"])
    assert off.term_values == {}


def test_the_enhancers_side_reaches_the_enhancer_alone(guidance):
    pred, target = batch()
    loss = guidance(pred.requires_grad_(), target)
    torch.testing.assert_close(loss, F.softplus(-guidance.discriminator(pred)).mean())
    (gradient,) = torch.autograd.grad(loss, pred)
    assert gradient.abs().max() > 0
    guidance(pred, target).backward()
    assert all(parameter.grad is None for parameter in guidance.discriminator.parameters())


def test_the_penalty_keeps_the_discriminator_smooth_at_real_images():
    """Told apart without end, with and without: R1 holds the slope at real images down."""
    slopes = {}
    for weight in (0.0, 10.0):
        torch.manual_seed(1)
        guidance = DomainGuidance(ResidualDiscriminator(channels=(6, 8)), weight)
        optimizer = torch.optim.Adam(guidance.parameters(), 0.02)
        real, fake = 0.6 + 0.3 * torch.rand(8, 1, 8, 8), 0.4 * torch.rand(8, 1, 8, 8)
        for _ in range(60):
            optimizer.zero_grad()
            guidance.discriminator_loss(fake, real).backward()
            optimizer.step()
        slopes[weight] = r1_penalty(guidance.discriminator, real).item()
        with torch.no_grad():
            assert guidance.discriminator(real).min() > guidance.discriminator(fake).max()  # it has learnt
    assert slopes[10.0] < 0.1 * slopes[0.0]


@pytest.mark.parametrize("weight", [-1, float("inf"), float("nan"), "1", True])
def test_a_weight_that_cannot_be_is_refused(weight):
    with pytest.raises(InputError, match="r1_weight"):
        DomainGuidance(nn.Identity(), weight)
