# SPDX-License-Identifier: Apache-2.0
"""SRResNet against hand counts, gradient support and interpolation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks import SRResNet

SCALES = (1, 2, 4)


def small(**options):
    torch.manual_seed(0)
    return SRResNet(**{"channels": 4, "num_blocks": 2, **options}).eval()


def conv(inputs, outputs, kernel, dims=2):
    return inputs * outputs * kernel**dims + outputs


def hand_count(blocks, closing, in_channels=1, out_channels=1, doublings=0, dims=2):
    """Parameters of the published layers at width 64; PReLU has 1, batch normalisation 2 * 64."""
    head = conv(in_channels, 64, 9, dims) + 1
    block = 2 * (conv(64, 64, 3, dims) + 128) + 1
    doubling = conv(64, 64 * 2**dims, 3, dims) + 1
    tail = conv(64, out_channels, 9, dims)
    return head + blocks * block + conv(64, 64, 3, dims) + closing + doublings * doubling + tail


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, hand_count(5, closing=1)),
        ({"num_blocks": 16, "norm_after_body": True, "scale_factor": 4, "in_channels": 3, "out_channels": 3},
         hand_count(16, closing=128, in_channels=3, out_channels=3, doublings=2)),
        ({"spatial_dims": 3, "scale_factor": 2}, hand_count(5, closing=1, doublings=1, dims=3)),
    ],
    ids=["ESTR", "SRGAN", "3-D"],
)  # fmt: skip
def test_parameter_count(options, expected):
    network = SRResNet(**options)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def written_out(state, x, blocks, doublings, srgan):
    """The published network from its weights alone, in evaluation mode."""

    def convolved(x, name):
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def normalised(x, name):
        return F.batch_norm(x, *(state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")))

    head = out = F.prelu(convolved(x, "head.conv"), state["head.adn.A.weight"])
    for name in (f"body.{number}" for number in range(blocks)):
        inner = normalised(convolved(out, f"{name}.conv1.conv"), f"{name}.conv1.adn.N")
        inner = convolved(F.prelu(inner, state[f"{name}.conv1.adn.A.weight"]), f"{name}.conv2.conv")
        out = out + normalised(inner, f"{name}.conv2.adn.N")
    out = convolved(out, "body_end.conv")
    out = normalised(out, "body_end.adn.N") if srgan else F.prelu(out, state["body_end.adn.A.weight"])
    out = out + head
    for name in (f"upsample.{number}" for number in range(doublings)):
        out = F.prelu(F.pixel_shuffle(convolved(out, f"{name}.0.conv_block"), 2), state[f"{name}.1.weight"])
    return (torch.tanh(convolved(out, "tail.conv")) + 1) / 2


@pytest.mark.parametrize("srgan", [False, True])
@pytest.mark.parametrize("scale", SCALES)
def test_forward_is_the_published_one(scale, srgan):
    network = small(scale_factor=scale, norm_after_body=srgan).double()
    for name, value in network.state_dict().items():
        if value.ndim == 1:  # biases, slopes and statistics away from their neutral starting values
            value.copy_(torch.rand_like(value) * 0.2 + (1 if "var" in name else 0.1))
    x = torch.rand(2, 1, 12, 9, dtype=torch.float64)
    expected = written_out(network.state_dict(), x, blocks=2, doublings=SCALES.index(scale), srgan=srgan)
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dims", [2, 3])
def test_shapes_range_and_channels(dims, scale):
    network = small(spatial_dims=dims, in_channels=2, out_channels=3, scale_factor=scale)
    sides = (7, 10, 5)[:dims]
    out = network(torch.rand(2, 2, *sides))
    assert out.shape == (2, 3, *(scale * side for side in sides))
    assert out.min() >= 0 and out.max() <= 1


def live(network):
    """Weights all positive and activations without a dead half: no path cancels, every path carries gradient."""
    for name, value in network.named_parameters():
        value.data.fill_(0.01 if value.ndim > 1 else (0.0 if name.endswith("bias") else 1.0))
    return network.double()


@pytest.mark.parametrize("global_residual", [False, True])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("blocks", [1, 3])
def test_receptive_radius_is_the_support_of_the_gradient(blocks, scale, global_residual):
    network = live(small(num_blocks=blocks, scale_factor=scale, global_residual=global_residual))
    radius, centre = network.receptive_radius, 17
    reached = torch.zeros(2 * centre + 1, dtype=torch.bool)
    for offset in range(scale):  # every output pixel of the input pixel `centre`, along the first axis
        x = torch.rand(1, 1, 2 * centre + 1, 2 * centre + 1, dtype=torch.float64, requires_grad=True)
        network(x)[0, 0, scale * centre + offset, scale * centre].backward()
        reached |= x.grad[0, 0].ne(0).any(dim=1)
    distance = (torch.arange(2 * centre + 1) - centre).abs()
    assert distance[reached].max() == radius


def test_normalisation_over_the_image_has_no_receptive_radius():
    network = small(norm="instance")
    assert network.receptive_radius is None
    x = torch.rand(1, 1, 60, 60, requires_grad=True)
    network(x)[0, 0, 0, 0].backward()
    assert x.grad[0, 0, -1, -1] != 0
    assert small(norm=None).receptive_radius == small(norm=("batch", {"eps": 1e-3})).receptive_radius is not None


def test_a_normalisation_with_arguments_may_be_a_list_as_json_has_it():
    network = small(norm=["batch", {"momentum": 0.02}])
    assert {m.momentum for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {0.02}
    assert network.receptive_radius == small().receptive_radius


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("scale", SCALES)
def test_global_residual_adds_to_the_enlarged_input(scale, dims):
    network = small(spatial_dims=dims, scale_factor=scale, global_residual=True)
    x = 3 * torch.rand(1, 1, 9, 8, 7)[(..., *[0] * (3 - dims))] - 1
    mode = "bicubic" if dims == 2 else "trilinear"
    enlarged = x if scale == 1 else F.interpolate(x, size=[scale * side for side in x.shape[2:]], mode=mode)
    torch.testing.assert_close(network(x), enlarged)  # untrained, it is the identity
    torch.nn.init.constant_(network.tail.conv.bias, 0.25)
    torch.testing.assert_close(network(x), enlarged + 0.25)
    torch.nn.init.normal_(network.tail.conv.weight)
    assert (network(x) - enlarged).std() > 0.1


def test_without_global_residual_the_body_alone_decides():
    network = small()
    torch.nn.init.zeros_(network.tail.conv.weight)
    torch.nn.init.zeros_(network.tail.conv.bias)
    torch.testing.assert_close(network(torch.rand(1, 1, 9, 8)), torch.full((1, 1, 9, 8), 0.5))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("options", [{}, {"scale_factor": 2, "global_residual": True}, {"norm": None}])
def test_torchscript(options, dims):
    network = small(spatial_dims=dims, **options)
    scripted = torch.jit.script(network)
    for sides in ((8, 9, 7), (11, 6, 5)):
        x = torch.rand(1, 1, *sides[:dims])
        torch.testing.assert_close(scripted(x), network(x))
    assert (scripted.receptive_radius, scripted.size_multiple) == (network.receptive_radius, 1)


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
def test_onnx(scale, tmp_path):
    pytest.importorskip("onnxscript")
    reference = pytest.importorskip("onnx.reference")
    network, x = small(scale_factor=scale, global_residual=True), torch.rand(1, 1, 9, 8)
    torch.onnx.export(network, (x,), tmp_path / "network.onnx", dynamo=True)
    session = reference.ReferenceEvaluator(str(tmp_path / "network.onnx"))
    out = session.run(None, {session.input_names[0]: x.numpy()})[0]
    torch.testing.assert_close(torch.from_numpy(out), network(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"scale_factor": 3}, "scale_factor"),
        ({"spatial_dims": 1}, "spatial_dims"),
        ({"global_residual": True, "in_channels": 3}, "out_channels"),
        ({"global_residual": "no"}, "global_residual is 'no'; write True or False"),  # a text counts as true
        ({"norm_after_body": "false"}, "norm_after_body is 'false'; write True or False"),
    ],
)
def test_wrong_options_are_named(options, word):
    with pytest.raises(InputError, match=word):
        SRResNet(**options)
