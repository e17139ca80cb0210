# SPDX-License-Identifier: Apache-2.0
"""The feature-level content term: style is free, content is not, and each encoder has its say."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.losses import FeatureContentLoss, UnpairedTarget
from monai_gradprom.networks import FeatureNetwork


class Edges(nn.Module):
    """An encoder by hand: horizontal and vertical differences."""

    def forward(self, x):
        return torch.cat([x[..., 1:, :-1] - x[..., :-1, :-1], x[..., :-1, 1:] - x[..., :-1, :-1]], dim=1)


@pytest.fixture(scope="module")
def network():
    return FeatureNetwork("resnet18")


def images(seed, side=48):
    generator = torch.Generator().manual_seed(seed)
    return F.avg_pool2d(torch.rand(2, 1, side + 4, side + 4, generator=generator), 5, 1)


def test_it_is_the_mean_over_encoders_of_the_difference_of_normalised_features(network):
    pred, source = images(0), images(1)
    encoders = {"edges": Edges(), "resnet18": network}
    expected = []
    for encoder in encoders.values():
        a, b = (F.instance_norm(encoder(x), eps=1e-5) for x in (pred, source))
        expected.append((a - b).abs().mean())
    target = UnpairedTarget(source, images(2))
    torch.testing.assert_close(FeatureContentLoss(encoders)(pred, target), sum(expected) / 2)
    torch.testing.assert_close(FeatureContentLoss({"edges": Edges()})(pred, source), expected[0])


def test_a_change_of_levels_is_free_and_one_of_content_is_not():
    loss, source = FeatureContentLoss({"edges": Edges()}), images(0).double() * 20
    for styled in (0.5 * source + 0.3, 2 * source):
        assert loss(styled, source) < 1e-3
    assert loss(source.roll(4, dims=-1), source) > 0.5


def test_the_untrained_fallback_tells_content_from_style_too(network):
    loss, source = FeatureContentLoss({"resnet18": network}), images(0, 96)
    moved = source.roll((31, 17), dims=(-2, -1))
    assert loss(0.8 * source + 0.1, source) < 0.5 * loss(moved, source)


def test_gradient_goes_to_the_enhanced_image_only(network):
    pred, source = images(0).requires_grad_(), images(1).requires_grad_()
    FeatureContentLoss({"a": network})(pred, UnpairedTarget(source, source)).backward()
    assert pred.grad.abs().max() > 0 and source.grad is None
    assert all(parameter.grad is None for parameter in network.parameters())


def test_wrong_arguments_are_named():
    with pytest.raises(InputError, match="no encoder"):
        FeatureContentLoss({})
    with pytest.raises(ValueError, match="same shape"):
        FeatureContentLoss({"e": Edges()})(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))
