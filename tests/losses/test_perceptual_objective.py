# SPDX-License-Identifier: Apache-2.0
"""The whole objective of Deep Perceptual Enhancement: its terms, its switches, its messages."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.losses import AdversarialGuidance, RegularizedFeatureLoss, perceptual_objective
from monai_gradprom.networks import DPENet, PerceptualDiscriminator


@pytest.fixture
def guidance():
    return AdversarialGuidance(PerceptualDiscriminator(channels=(4, 6)).eval())


def images(seed):
    return torch.rand(2, 1, 24, 17, generator=torch.Generator().manual_seed(seed))


def test_the_three_terms_with_the_papers_weights(guidance, resnet_file):
    loss = perceptual_objective(guidance, feature_weights=resnet_file, feature_backbone="resnet18")
    pred, target = images(0), images(1)
    total = loss(pred, target)
    assert list(loss.terms) == ["reconstruction", "feature", "adversarial"]
    assert loss.terms["reconstruction"] == pytest.approx((pred - target).abs().mean().item())
    assert loss.terms["adversarial"] == pytest.approx(guidance(pred, target).item())
    assert loss.terms["feature"] == pytest.approx(loss.losses["feature"](pred, target).item()) and loss.terms["feature"]
    expected = loss.terms["reconstruction"] + loss.terms["feature"] + 1e-3 * loss.terms["adversarial"]
    assert total.item() == pytest.approx(expected)


def test_the_file_is_really_read(guidance, resnet_file):
    trained, untrained = (
        perceptual_objective(guidance, feature_weights=path, feature_backbone="resnet18", untrained_features=True)
        for path in (resnet_file, None)
    )
    for loss in (trained, untrained):
        loss(images(0), images(1))
    assert trained.losses["feature"].features.pretrained and not untrained.losses["feature"].features.pretrained
    assert trained.terms["feature"] != pytest.approx(untrained.terms["feature"], rel=1e-2)
    with pytest.raises(InputError, match="do not fit VGG-19"):
        perceptual_objective(guidance, feature_weights=resnet_file)


@pytest.mark.parametrize("term", ["reconstruction", "feature", "adversarial"])
def test_each_terms_gradient_arrives_at_every_parameter_of_the_enhancer(guidance, term):
    alone = {name: float(name == term) for name in ("reconstruction", "feature", "adversarial")}
    loss = perceptual_objective(guidance, alone, untrained_features=True)
    enhancer = DPENet(channels=(4, 6, 8))
    loss(enhancer(images(0)), images(1)).backward()
    assert list(loss.terms) == [term]
    without = [name for name, p in enhancer.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not without
    assert all(parameter.grad is None for parameter in loss.parameters())  # neither discriminator nor features


def test_without_a_file_the_feature_term_is_off_and_says_so(guidance, caplog):
    with caplog.at_level(logging.WARNING, logger="monai_gradprom"):
        loss = perceptual_objective(guidance)
    assert "the feature term is off" in caplog.text and "vgg19" in caplog.text
    loss(images(0), images(1))
    assert list(loss.terms) == ["reconstruction", "adversarial"]


def test_switched_off_it_says_nothing(guidance, caplog):
    perceptual_objective(guidance, {"feature": 0})
    assert not caplog.text


def test_untrained_features_are_a_resnets_and_say_so(guidance, caplog):
    with caplog.at_level(logging.WARNING, logger="monai_gradprom"):
        loss = perceptual_objective(guidance, untrained_features=True)
    assert "untrained resnet18" in caplog.text
    assert isinstance(loss.losses["feature"], RegularizedFeatureLoss)


def test_the_adversarial_term_needs_a_discriminator():
    with pytest.raises(InputError, match="no discriminator"):
        perceptual_objective()
    loss = perceptual_objective(weights={"adversarial": 0, "feature": 0})
    assert isinstance(loss.losses["reconstruction"], nn.L1Loss) and list(loss.weights) == ["reconstruction"]


def test_an_unknown_term_is_answered_with_the_nearest(guidance):
    with pytest.raises(InputError, match="did you mean 'feature'"):
        perceptual_objective(guidance, {"featur": 1})
