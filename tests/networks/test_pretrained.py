# SPDX-License-Identifier: Apache-2.0
"""ImageNet state dicts, written out from the published architecture."""

from __future__ import annotations

import functools

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks import (
    DiagnosisRecognizer,
    SegmentationRecognizer,
    load_imagenet_resnet,
)

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}


def normalisation(name, channels, tracked):
    shapes = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes | ({f"{name}.num_batches_tracked": ()} if tracked else {})


def published_shapes(backbone, tracked=True):
    """He et al. 2016, table 1, in torchvision's names; bottlenecks quadruple and 1 x 1 projections have no bias."""
    bottleneck = backbone == "resnet50"
    shapes = {"conv1.weight": (64, 3, 7, 7), **normalisation("bn1", 64, tracked)}
    inputs = 64
    for layer, (blocks, width) in enumerate(zip(BLOCKS[backbone], (64, 128, 256, 512), strict=True), start=1):
        outputs = 4 * width if bottleneck else width
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            if bottleneck:
                kernels = [(width, inputs, 1, 1), (width, width, 3, 3), (outputs, width, 1, 1)]
            else:
                kernels = [(width, inputs, 3, 3), (width, width, 3, 3)]
            for number, kernel in enumerate(kernels, start=1):
                shapes[f"{name}.conv{number}.weight"] = kernel
                shapes |= normalisation(f"{name}.bn{number}", kernel[0], tracked)
            if block == 0 and inputs != outputs:
                shapes[f"{name}.downsample.0.weight"] = (outputs, inputs, 1, 1)
                shapes |= normalisation(f"{name}.downsample.1", outputs, tracked)
            inputs = outputs
    return shapes | {"fc.weight": (1000, inputs), "fc.bias": (1000,)}


def imagenet(backbone, **options):
    """Random weights under the published names, of a size that keeps activations alive."""
    return dict(_weights(backbone, **options))


@functools.cache
def _weights(backbone, **options):
    torch.manual_seed(0)
    state = {}
    for name, shape in published_shapes(backbone, **options).items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif len(shape) == 4:
            state[name] = torch.randn(shape) / (shape[1] * shape[2] * shape[3]) ** 0.5
        else:
            state[name] = torch.rand(shape) + 0.5
    return state


def published_features(state, x, backbone):
    """The published network written out: everything before the average pooling."""

    def normalised(x, name):
        keys = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(state[f"{name}.{key}"] for key in keys))

    def block(x, name, stride):
        strides, paddings = ((1, stride, 1), (0, 1, 0)) if backbone == "resnet50" else ((stride, 1), (1, 1))
        out = x
        for number, (step, padding) in enumerate(zip(strides, paddings, strict=True), start=1):
            out = F.conv2d(out, state[f"{name}.conv{number}.weight"], stride=step, padding=padding)
            out = normalised(out, f"{name}.bn{number}")
            out = out.relu() if number < len(strides) else out
        if f"{name}.downsample.0.weight" in state:
            x = normalised(F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride), f"{name}.downsample.1")
        return (out + x).relu()

    x = normalised(F.conv2d(x, state["conv1.weight"], stride=2, padding=3), "bn1").relu()
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    for layer, blocks in enumerate(BLOCKS[backbone], start=1):
        for number in range(blocks):
            x = block(x, f"layer{layer}.{number}", stride=2 if layer > 1 and number == 0 else 1)
    return x


def deepest(network, x):
    """What the recognizer's backbone hands to its head, before any pooling."""
    caught = []
    handle = network.backbone().layer4.register_forward_hook(lambda module, inputs, out: caught.append(out))
    network.eval()(x)
    handle.remove()
    return caught[0]


def saved(tmp_path, content):
    torch.save(content, tmp_path / "weights.pt")
    return tmp_path / "weights.pt"


@pytest.mark.parametrize(
    ("kind", "backbone"),
    [(DiagnosisRecognizer, "resnet18"), (SegmentationRecognizer, "resnet18"), (SegmentationRecognizer, "resnet50")],
)
def test_loaded_backbone_is_the_published_network(kind, backbone, tmp_path):
    network, state = kind(3, 3, backbone), imagenet(backbone)
    x = torch.rand(1, 3, 64, 64)
    expected = published_features(state, network.normalize(x), backbone)
    assert not torch.allclose(deepest(network, x), expected, rtol=1e-2)
    report = load_imagenet_resnet(network, saved(tmp_path, state))
    torch.testing.assert_close(deepest(network, x), expected, rtol=1e-4, atol=1e-4)
    assert set(report.skipped) == {"fc.weight", "fc.bias"} and report.adapted == ()
    assert set(report.loaded) == set(state) - set(report.skipped)


def test_files_from_before_num_batches_tracked(tmp_path):
    network, state = DiagnosisRecognizer(2, 3), imagenet("resnet18", tracked=False)
    load_imagenet_resnet(network, saved(tmp_path, state))
    torch.testing.assert_close(network.network.layer3[1].conv2.weight, state["layer3.1.conv2.weight"])


@pytest.mark.parametrize(
    ("kind", "channels"), [(SegmentationRecognizer, 1), (DiagnosisRecognizer, 1), (DiagnosisRecognizer, 4)]
)
def test_other_channels_respond_as_the_rgb_copy(kind, channels, tmp_path):
    path = saved(tmp_path, imagenet("resnet18"))
    mean, std = 0.449, 0.226
    rgb, other = (
        kind(2, 3, mean=[mean] * 3, std=[std] * 3),
        kind(2, channels, mean=[mean] * channels, std=[std] * channels),
    )
    load_imagenet_resnet(rgb, path)
    assert load_imagenet_resnet(other, path).adapted == ("conv1.weight",)
    grey = torch.rand(1, 1, 72, 90)
    expected = deepest(rgb, grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(deepest(other, grey.expand(-1, channels, -1, -1)), expected, rtol=1e-4, atol=1e-4)


def test_plain_monai_resnet_is_taken(tmp_path):
    network = DiagnosisRecognizer(2, 3).network
    assert len(load_imagenet_resnet(network, saved(tmp_path, imagenet("resnet18"))).loaded) == 120


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("layer2.0.downsample.0.weight"), "1 missing .layer2.0.downsample.0.weight"),
        (lambda state: state.update({"layer5.weight": torch.ones(1)}), "1 unexpected .layer5.weight"),
        (lambda state: state.update({"bn1.weight": torch.ones(32)}), r"bn1.weight is \[32\] instead of \[64\]"),
        (lambda state: state.pop("conv1.weight"), "1 missing .conv1.weight"),
    ],
)
def test_anything_else_unmatched_is_an_error(change, words, tmp_path):
    state = imagenet("resnet18")
    change(state)
    network = DiagnosisRecognizer(2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(InputError, match=words):
        load_imagenet_resnet(network, saved(tmp_path, state))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("options", [{"backbone": "resnet50"}, {"spatial_dims": 3}])
def test_other_depth_or_dimension_is_refused(options, tmp_path):
    with pytest.raises(InputError, match="same backbone"):
        load_imagenet_resnet(DiagnosisRecognizer(2, **options), saved(tmp_path, imagenet("resnet18")))
