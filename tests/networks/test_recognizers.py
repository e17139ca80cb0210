# SPDX-License-Identifier: Apache-2.0
"""Recognizers: sizes, alignment, normalisation and gradient."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks import DiagnosisRecognizer, SegmentationRecognizer

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
KINDS = (DiagnosisRecognizer, SegmentationRecognizer)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("sides", [(72, 100), (131, 33), (32, 64), (5, 7)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(sides, channels):
    x = torch.rand(2, channels, *sides)
    assert DiagnosisRecognizer(3, channels).eval()(x).shape == (2, 3)
    assert SegmentationRecognizer(4, channels).eval()(x).shape == (2, 4, *sides)


def test_three_dimensions():
    x = torch.rand(1, 1, 20, 33, 17)
    assert DiagnosisRecognizer(2, spatial_dims=3).eval()(x).shape == (1, 2)
    assert SegmentationRecognizer(2, spatial_dims=3).eval()(x).shape == (1, 2, 20, 33, 17)


@pytest.mark.parametrize(("backbone", "blocks"), [("resnet34", [3, 4, 6, 3]), ("resnet101", [3, 4, 23, 3])])
def test_deep_backbones_have_the_published_blocks(backbone, blocks):
    network = SegmentationRecognizer(2, backbone=backbone).backbone()
    assert [len(layer) for layer in (network.layer1, network.layer2, network.layer3, network.layer4)] == blocks


@pytest.mark.parametrize("sides", [(72, 100), (131, 65), (96, 64)])
def test_logits_stay_over_their_pixels(sides):
    """An image framed by hand in the mean grey, which normalises to the padding's zero, has the same logits."""
    network = SegmentationRecognizer(2).eval()
    x = torch.rand(1, 1, *sides)
    extra = [-side % 32 for side in sides]
    framed = torch.full((1, 1, *(side + more for side, more in zip(sides, extra, strict=True))), network.mean.item())
    window = (..., *(slice(more // 2, more // 2 + side) for side, more in zip(sides, extra, strict=True)))
    framed[window] = x
    torch.testing.assert_close(network(x), network(framed)[window])


def test_shifting_by_the_multiple_shifts_the_logits():
    network = SegmentationRecognizer(2).eval()
    image = torch.zeros(1, 1, 224, 224) + network.mean
    moved = image.clone()
    image[..., 90:100, 90:103] = 1
    moved[..., 122:132, 90:103] = 1
    logits, moved_logits = (network(x[..., 6:-6, :]) for x in (image, moved))  # 212 rows: padded by 6 and 6
    assert logits[..., 84:94, 90:103].std() > 0
    torch.testing.assert_close(moved_logits[..., 100:140, 60:140], logits[..., 68:108, 60:140], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_input_is_imagenet_normalised(kind, channels):
    network = kind(2, channels).eval()
    mean = IMAGENET_MEAN if channels == 3 else [sum(IMAGENET_MEAN) / 3] * channels
    std = IMAGENET_STD if channels == 3 else [sum(IMAGENET_STD) / 3] * channels
    x = torch.rand(2, channels, 64, 64)
    by_hand = torch.stack([(x[:, c] - mean[c]) / std[c] for c in range(channels)], dim=1)
    torch.testing.assert_close(network(x), network.network(by_hand))


def test_own_normalisation_travels_with_the_weights():
    source, target = DiagnosisRecognizer(2, mean=[0.1], std=[0.7]).eval(), DiagnosisRecognizer(2).eval()
    target.load_state_dict(source.state_dict())
    x = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(target(x), source(x))
    assert target.mean.item() == pytest.approx(0.1) and target.std.item() == pytest.approx(0.7)


def test_encoder_halves_five_times():
    features = SegmentationRecognizer(2, backbone="resnet50").eval().backbone()(torch.rand(1, 1, 64, 96))
    shapes = [tuple(feature.shape[1:]) for feature in features]
    assert shapes == [(64, 32, 48), (256, 16, 24), (512, 8, 12), (1024, 4, 6), (2048, 2, 3)]


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_passes_the_shortcuts(kind):
    """With the residual branches silenced only the shortcuts are left; MONAI's type A would block the gradient."""
    network = kind(2).eval()
    for name, value in network.backbone().named_parameters():
        if name.endswith("bn2.weight"):
            torch.nn.init.zeros_(value)
    deepest = []
    network.backbone().layer4.register_forward_hook(lambda module, inputs, out: deepest.append(out))
    x = torch.rand(1, 1, 64, 64, requires_grad=True)
    network(x)
    deepest[0].sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_both_modes_can_be_scripted(kind):
    network = kind(2).eval()
    x = torch.rand(1, 1, 40, 50)
    torch.testing.assert_close(torch.jit.script(network)(x), network(x))


def test_learns_a_square():
    """A few steps lower the loss: gradients reach the encoder."""
    network = SegmentationRecognizer(2)
    x = torch.zeros(2, 1, 24, 24)
    x[..., 5:19, 5:19] = 1
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    losses = []
    for _ in range(3):
        loss = F.cross_entropy(network(x), x[:, 0].long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert network.backbone().conv1.weight.grad.abs().sum() > 0
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_options_are_named(kind):
    with pytest.raises(InputError, match=r"did you mean 'resnet50'"):
        kind(2, backbone="resnet-50")
    with pytest.raises(InputError, match="spatial_dims is 1"):
        kind(2, spatial_dims=1)
    with pytest.raises(InputError, match="mean has 3 values but in_channels is 1"):
        kind(2, mean=IMAGENET_MEAN)
