# SPDX-License-Identifier: Apache-2.0
"""Features of VGG-19 and of ResNets: the published networks, their files, and what happens without one."""

from __future__ import annotations

import logging

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks import DiagnosisRecognizer, FeatureNetwork, load_imagenet_resnet

# Simonyan and Zisserman 2015, table 1, column E; M halves the size
COLUMN_E = [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"]
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def vgg():
    """torchvision's names and shapes, with random weights that keep activations alive, and a stub of a classifier."""
    generator = torch.Generator().manual_seed(0)
    state, place, inputs = {}, 0, 3
    for width in COLUMN_E:
        if width != "M":
            kernel = torch.randn(width, inputs, 3, 3, generator=generator)
            state[f"features.{place}.weight"] = kernel * (2 / (9 * inputs)) ** 0.5
            state[f"features.{place}.bias"] = 0.1 * torch.randn(width, generator=generator)
            place, inputs = place + 1, width  # the ReLU takes a place of its own
        place += 1
    return state | {"classifier.0.weight": torch.ones(2, 2), "classifier.0.bias": torch.ones(2)}


@pytest.fixture(scope="module")
def vgg_file(vgg, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(vgg, path)
    return path


def published_vgg(state, rgb):
    """Up to conv5_4, without its ReLU."""
    x = (rgb - MEAN.view(1, 3, 1, 1)) / STD.view(1, 3, 1, 1)
    convolutions = sorted({int(name.split(".")[1]) for name in state if name.startswith("features")})
    for place in convolutions:
        if place and place - 2 not in convolutions:  # a pooling stands between
            x = F.max_pool2d(x, 2)
        x = F.conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1)
        x = x.relu() if place != convolutions[-1] else x
    return x


def test_vgg_features_are_the_published_ones(vgg, vgg_file):
    assert max(int(name.split(".")[1]) for name in vgg if name.startswith("features")) == 34
    network = FeatureNetwork("vgg19", vgg_file)
    rgb = torch.rand(1, 3, 37, 32)
    out = network(rgb)
    assert out.shape == (1, 512, 2, 2) and out.min() < 0 and network.pretrained
    torch.testing.assert_close(out, published_vgg(vgg, rgb), rtol=1e-4, atol=1e-4)


def test_resnet_features_are_those_of_the_third_stage(resnet_file):
    network = FeatureNetwork("resnet18", resnet_file)
    whole = DiagnosisRecognizer(2, 3).eval()
    load_imagenet_resnet(whole, resnet_file)
    caught = []
    whole.network.layer3.register_forward_hook(lambda module, inputs, out: caught.append(out))
    rgb = torch.rand(2, 3, 40, 33)
    whole(rgb)
    assert network(rgb).shape == (2, 256, 3, 3) and caught[0].std() > 0
    torch.testing.assert_close(network(rgb), caught[0])


def test_files_that_do_not_fit_are_refused(vgg, vgg_file, resnet_file, tmp_path):
    with pytest.raises(InputError, match=r"do not fit VGG-19.*torchvision's file for vgg19"):
        FeatureNetwork("vgg19", resnet_file)
    with pytest.raises(InputError, match="do not fit"):
        FeatureNetwork("resnet18", vgg_file)
    torch.save({name: value for name, value in vgg.items() if name != "features.34.weight"}, tmp_path / "less.pth")
    with pytest.raises(InputError, match=r"1 missing \(34.weight\)"):
        FeatureNetwork("vgg19", tmp_path / "less.pth")
    with pytest.raises(InputError, match="not there"):
        FeatureNetwork("resnet18", tmp_path / "none.pth")
    with pytest.raises(InputError, match="did you mean 'vgg19'"):
        FeatureNetwork("vgg16")


def test_without_a_file_vgg_is_refused_and_a_resnet_warns(caplog):
    with pytest.raises(InputError, match="vgg19 needs the file"):
        FeatureNetwork("vgg19")
    before = torch.get_rng_state()
    with caplog.at_level(logging.WARNING, logger="monai_gradprom"):
        first, again, other = (FeatureNetwork("resnet18", seed=seed) for seed in (0, 0, 1))
    assert "untrained resnet18" in caplog.text and not first.pretrained
    assert torch.equal(torch.get_rng_state(), before)  # whoever draws next does not notice
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(first(x), again(x)) and not torch.allclose(first(x), other(x))


def test_it_is_frozen_in_any_mode():
    network = FeatureNetwork("resnet18")
    state = {name: value.clone() for name, value in network.state_dict().items()}
    x = torch.rand(2, 3, 32, 32, requires_grad=True)
    network.train()(x).sum().backward()
    assert not network.training and not any(module.training for module in network.modules())
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert x.grad.abs().sum() > 0


def test_no_channel_is_ignored():
    network = FeatureNetwork("resnet18")
    grey = torch.rand(2, 1, 32, 32)
    torch.testing.assert_close(network(grey), network(grey.expand(-1, 3, -1, -1)))
    several = torch.rand(2, 4, 32, 32)
    each = torch.stack([network(several[:, i : i + 1]) for i in range(4)], dim=1)
    torch.testing.assert_close(network(several), each.flatten(0, 1))


@pytest.mark.parametrize("shape", [(1, 3, 15, 40), (1, 3, 20, 20, 20)])
def test_images_it_cannot_take_are_named(shape):
    with pytest.raises(ValueError, match="16 pixels or more"):
        FeatureNetwork("resnet18")(torch.zeros(shape))
