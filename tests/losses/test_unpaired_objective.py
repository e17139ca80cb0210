# SPDX-License-Identifier: Apache-2.0
"""The whole objective of HQG-Net: its terms, its switches, its messages."""

from __future__ import annotations

import copy
import logging

import pytest
import torch

from monai_gradprom.errors import InputError
from monai_gradprom.losses import (
    UNPAIRED_WEIGHTS,
    CueDivergence,
    DomainGuidance,
    FeatureContentLoss,
    UnpairedTarget,
    WaveletContentLoss,
    unpaired_objective,
)
from monai_gradprom.networks import HQGNet, ResidualDiscriminator, SRResNet


@pytest.fixture
def network():
    return HQGNet(width=4, guide_channels=6, image_channels=3, cue_channels=5).train()


@pytest.fixture
def guidance():
    return DomainGuidance(ResidualDiscriminator(channels=(4, 6)))


def images(seed):
    return torch.rand(2, 1, 32, 24, generator=torch.Generator().manual_seed(seed))


def target():
    return UnpairedTarget(images(0), images(1))


def test_the_four_terms_with_their_weights(network, guidance, resnet_file):
    loss = unpaired_objective(network, guidance, encoders={"resnet18": resnet_file})
    pred = network(images(0), images(1))
    total = loss(pred, target())
    expected = {
        "wavelet": WaveletContentLoss()(pred, images(0)).item(),
        "feature": FeatureContentLoss(loss.losses["feature"].encoders)(pred, images(0)).item(),
        "adversarial": guidance(pred, images(1)).item(),
        "divergence": network.divergence.item(),
    }
    assert loss.terms == pytest.approx(expected) and list(loss.terms) == list(UNPAIRED_WEIGHTS)
    assert total.item() == pytest.approx(sum(UNPAIRED_WEIGHTS[name] * value for name, value in expected.items()))
    assert loss.losses["feature"].encoders["resnet18"].pretrained


@pytest.mark.parametrize("term", list(UNPAIRED_WEIGHTS))
def test_each_terms_gradient_arrives_at_the_enhancer(network, guidance, term):
    alone = {name: float(name == term) for name in UNPAIRED_WEIGHTS}
    loss = unpaired_objective(network, guidance, alone, untrained_features=True)
    loss(network(images(0), images(1)), target()).backward()
    assert list(loss.terms) == [term]
    reached = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    if term == "divergence":  # through the heads, not through the image
        assert {name.split(".")[0] for name in reached} == {"guidance", "image_vector", "cue", "encoder"}
    else:
        assert reached == {name for name, _ in network.named_parameters()}
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_the_divergence_is_no_part_of_the_loss_module_and_needs_a_guided_pass(network, guidance):
    term = CueDivergence(network)
    assert not list(term.parameters()) and not list(term.modules())[1:]
    with pytest.raises(InputError, match="was not guided"):
        term()
    with pytest.raises(InputError, match="was not guided"):
        CueDivergence(SRResNet(channels=2, num_blocks=1))()
    network(images(0), images(1))
    assert term() is network.divergence
    copy.deepcopy(term)


def test_features_without_a_file_are_off_and_say_so(network, guidance, caplog):
    with caplog.at_level(logging.WARNING):
        loss = unpaired_objective(network, guidance)
    assert "the feature term is off" in caplog.text and "feature" not in loss.losses
    several = unpaired_objective(network, guidance, untrained_features=True).losses["feature"].encoders
    assert list(several) == ["resnet18", "resnet50"]
    caplog.clear()
    unpaired_objective(network, guidance, {"feature": 0})
    assert not caplog.text


def test_wavelet_levels_are_passed_on(network, guidance):
    assert unpaired_objective(network, guidance, wavelet_levels=[2, 3]).losses["wavelet"].levels == (2, 3)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"weights": {"style": 1}}, "style"),
        ({"weights": {"wavelet": -1}}, "wavelet"),
        ({"guidance": None}, "no discriminator"),
        ({"encoders": {"resnet10": "x.pth"}}, "resnet18"),
        ({"encoders": {"vgg19": "missing.pth"}}, "missing.pth"),
    ],
)
def test_wrong_options_are_named(network, guidance, options, word):
    with pytest.raises(InputError, match=word):
        unpaired_objective(network, **{"guidance": guidance, **options})
