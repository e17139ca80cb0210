# SPDX-License-Identifier: Apache-2.0
"""The regularised feature loss against a float64 computation by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from monai_gradprom.losses import RegularizedFeatureLoss, gradient_difference
from monai_gradprom.networks import FeatureNetwork


class Squares(nn.Module):
    """Features that anyone can compute: the squares of each value and of each channel's mean."""

    def forward(self, x):
        return torch.cat([x.square().flatten(1), x.mean(dim=(2, 3)).square()], dim=1)


def by_hand(pred, target):
    a, b = (tensor.detach().double().numpy() for tensor in (pred, target))
    difference = a - b
    down = np.abs(difference[:, :, 1:] - difference[:, :, :-1]).sum()
    across = np.abs(difference[..., 1:] - difference[..., :-1]).sum()

    def features(x):
        return np.concatenate([(x**2).reshape(len(x), -1), x.mean(axis=(2, 3)) ** 2], axis=1)

    return (down + across) / a.size * np.abs(features(a) - features(b)).mean()


@pytest.mark.parametrize("shape", [(2, 3, 7, 9), (1, 1, 5, 4)])
def test_it_is_the_regulariser_times_the_difference_of_features(shape):
    pred, target = torch.rand(shape), torch.rand(shape)
    found = RegularizedFeatureLoss(Squares())(pred, target)
    assert found.item() == pytest.approx(by_hand(pred, target), rel=1e-5)


def test_the_regulariser_counts_every_axis():
    ramp = torch.arange(4.0).view(1, 1, 4, 1, 1).expand(1, 1, 4, 3, 2)
    assert gradient_difference(ramp, torch.zeros_like(ramp)).item() == pytest.approx(3 * 6 / 24)
    for axis in (3, 4):
        moved = ramp.movedim(2, axis)
        assert gradient_difference(moved, torch.zeros_like(moved)).item() == pytest.approx(3 * 6 / 24)


def test_the_regulariser_acts():
    """One and the same difference of features: flat it costs nothing, rough it costs what its gradients say."""
    target = torch.full((1, 1, 8, 8), 0.5)
    flat = target + 0.1
    loss = RegularizedFeatureLoss(nn.Identity())
    assert loss(flat, target).item() == pytest.approx(0, abs=1e-8)
    signs = torch.ones(8, 8)
    signs[::2] = -1  # rows up and down by 0.1: differences of 0.2 between 7 pairs of rows
    rough = target + 0.1 * signs
    assert (rough - target).abs().mean() == pytest.approx(0.1)
    assert loss(rough, target).item() == pytest.approx(0.1 * 0.2 * 7 * 8 / 64)


def test_equal_images_cost_nothing_and_others_do():
    loss = RegularizedFeatureLoss(FeatureNetwork("resnet18"))
    target = torch.rand(1, 3, 32, 32)
    assert loss(target, target).item() == 0
    assert loss(torch.rand(1, 3, 32, 32), target).item() > 0


def test_gradient_reaches_the_enhanced_image_through_both_factors_and_no_other():
    pred, target = (torch.rand(1, 2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    loss = RegularizedFeatureLoss(Squares())
    assert torch.autograd.gradcheck(lambda x: loss(x, target.detach()), pred)
    loss(pred, target).backward()
    assert pred.grad.abs().sum() > 0 and target.grad is None


def test_half_precision_is_summed_in_single():
    pred, target = torch.rand(1, 1, 64, 64).bfloat16(), torch.rand(1, 1, 64, 64).bfloat16()
    found = RegularizedFeatureLoss(nn.Identity())(pred, target)
    difference = (pred.double() - target.double()).numpy()
    steps = sum(np.abs(np.diff(difference, axis=axis)).sum() for axis in (2, 3)) / difference.size
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(steps * np.abs(difference).mean(), rel=1e-5)


def test_wrong_shapes():
    with pytest.raises(ValueError, match="same shape"):
        RegularizedFeatureLoss(nn.Identity())(torch.zeros(1, 1, 4, 4), torch.zeros(1, 3, 4, 4))
