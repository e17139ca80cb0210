# SPDX-License-Identifier: Apache-2.0
"""DPENet against hand counts, the architecture written out, gradient support and tiles."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from monai.networks.utils import convert_to_onnx
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.inferers import HaloInferer, PaddedInferer
from monai_gradprom.networks import DPENet

PAPER = (64, 96, 128, 160, 192)


def small(**options):
    torch.manual_seed(0)
    return DPENet(**{"channels": (4, 6, 8), **options}).eval()


def conv(inputs, outputs, kernel, dims=2):
    return inputs * outputs * kernel**dims + outputs


@pytest.mark.parametrize(("image_channels", "dims"), [(1, 2), (3, 2), (1, 3)])
def test_parameter_count(image_channels, dims):
    """Residual blocks on 4 + 1 + 4 levels, gates on 4; PReLU has 1 parameter; a gate is two convolutions."""
    blocks = [2 * conv(width, width, 3, dims) + 1 for width in (*PAPER, *PAPER[:-1])]
    gates = [2 * conv(width, width, 3, dims) for width in PAPER[:-1]]
    downs = [conv(a, b, 3, dims) for a, b in pairwise(PAPER)]
    ups = [conv(b, a, 2, dims) for a, b in pairwise(PAPER)]
    ends = [conv(image_channels, 64, 3, dims), conv(64, image_channels, 1, dims)]
    network = DPENet(dims, image_channels, image_channels)
    assert sum(parameter.numel() for parameter in network.parameters()) == sum(blocks + gates + downs + ups + ends)


def written_out(state, x, levels):
    """The published network from its weights alone, for sides that divide."""

    def convolved(x, name, **options):
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state[f"{name}.bias"], **{"padding": weight.shape[-1] // 2, **options})

    def block(x, name):
        inner = F.prelu(convolved(x, f"{name}.conv1.conv"), state[f"{name}.conv1.adn.A.weight"])
        return x + convolved(inner, f"{name}.conv2.conv")

    def gate(x, name):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        half = len(bias) // 2
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        feature = F.conv2d(padded, weight[:half], bias[:half])
        return F.leaky_relu(feature * F.conv2d(padded, weight[half:], bias[half:]).sigmoid(), 0.2)

    signed = 2 * x - 1
    out, skips = convolved(signed, "head.conv"), []
    for level in range(levels):
        out = block(out, f"encoders.{level}.block")
        skips.append(gate(out, f"encoders.{level}.gate.conv.conv"))
        out = convolved(out, f"encoders.{level}.down.conv", stride=2).relu()
    out = block(out, "bottom")
    for level in range(levels):
        name = f"decoders.{level}.up.conv"
        out = F.conv_transpose2d(out, state[f"{name}.weight"], state[f"{name}.bias"], stride=2).relu()
        out = block(out + skips[-1 - level], f"decoders.{level}.block")
    return (torch.tanh(convolved(out, "tail.conv") + signed) + 1) / 2


@pytest.mark.parametrize("image_channels", [1, 3])
def test_forward_is_the_published_one(image_channels):
    network = small(in_channels=image_channels, out_channels=image_channels).double()
    x = torch.rand(2, image_channels, 12, 8, dtype=torch.float64)
    torch.testing.assert_close(network(x), written_out(network.state_dict(), x, levels=2))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("sides", [(16, 16, 16), (17, 31, 5), (1, 2, 3), (33, 20, 7)])
def test_any_size_and_channel_count(dims, sides):
    network = small(spatial_dims=dims, in_channels=4, out_channels=4, channels=(2, 3, 4, 5, 6))
    x = torch.rand(2, 4, *sides[:dims])
    out = network(x)
    assert out.shape == x.shape and network.size_multiple == 16
    assert out.min() >= 0 and out.max() <= 1


def test_of_a_size_that_does_not_divide_the_border_is_repeated():
    network = small()
    x = torch.rand(1, 1, 9, 14)
    padded = F.pad(x, (1, 1, 1, 2), mode="replicate")
    torch.testing.assert_close(network(x), network(padded)[..., 1:10, 1:15])


@pytest.mark.parametrize("dims", [2, 3])
def test_every_parameter_gets_a_gradient(dims):
    network = small(spatial_dims=dims, in_channels=2, out_channels=2)
    network(torch.rand(2, 2, 13, 11, 6)[(..., *[0] * (3 - dims))]).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not without


@pytest.mark.parametrize("level", [0, 1])
def test_gates_act(level):
    """A gate whose sigmoid is 0 lets nothing of its skip through: the skip's features no longer matter."""
    network = small().double()
    x = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    before = network(x)
    gate = network.encoders[level].gate.conv.conv
    half = len(gate.bias) // 2
    with torch.no_grad():
        gate.weight[half:].zero_()
        gate.bias[half:].fill_(-1e4)
    closed = network(x)
    assert (closed - before).abs().max() > 1e-4
    with torch.no_grad():
        gate.weight[:half].normal_()
    torch.testing.assert_close(network(x), closed)
    with torch.no_grad():
        gate.bias[half:].fill_(0)
    assert (network(x) - closed).abs().max() > 1e-3


def live(network):
    """Weights all positive, so that no path cancels; inputs above one half keep every activation alive."""
    for name, value in network.named_parameters():
        value.data.fill_(0.01 if value.ndim > 1 else (0.0 if name.endswith("bias") else 1.0))
    return network.double()


@pytest.mark.parametrize("channels", [(2, 2), (2, 2, 2), (1, 1, 1, 1), (1, 1, 1, 1, 1)])
def test_receptive_radius_is_the_support_of_the_gradient(channels):
    network = live(small(channels=channels))
    radius, multiple = network.receptive_radius, network.size_multiple
    centre = multiple * (radius // multiple + 2)
    sees = 0
    for offset in range(multiple):  # every place in the grid of the strides, along the first axis
        x = 0.6 + 0.4 * torch.rand(1, 1, 2 * centre + multiple, multiple, dtype=torch.float64)
        x.requires_grad_()
        network(x)[0, 0, centre + offset, 0].backward()
        reached = x.grad[0, 0].ne(0).any(dim=1).nonzero().flatten()
        sees = max(sees, centre + offset - int(reached.min()), int(reached.max()) - centre - offset)
    assert sees == radius


def test_the_papers_form_declares_what_it_sees():
    network = DPENet()
    assert (network.receptive_radius, network.size_multiple) == (123, 16)


@pytest.mark.parametrize("size", [(61, 83), (130, 35), (96, 96)])
@torch.no_grad()
def test_tiles_equal_the_whole_image(size):
    network = small(in_channels=3, out_channels=3)
    for parameter in network.parameters():
        parameter.mul_(1.5)
    image = torch.rand(2, 3, *size)
    whole = network(image)
    assert whole.std() > 1e-2
    tile = 2 * network.receptive_radius + 10
    torch.testing.assert_close(HaloInferer(tile, batch_size=3)(image, network), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(PaddedInferer()(image, network), whole, atol=1e-5, rtol=0)
    network.receptive_radius = 2  # what is declared is what is used
    assert (HaloInferer(24)(image, network) - whole).abs().max() > 1e-5


@pytest.mark.parametrize("dims", [2, 3])
def test_torchscript(dims):
    network = small(spatial_dims=dims)
    scripted = torch.jit.script(network)
    for sides in ((8, 8, 8), (11, 6, 5)):
        x = torch.rand(1, 1, *sides[:dims])
        torch.testing.assert_close(scripted(x), network(x))
    assert (scripted.receptive_radius, scripted.size_multiple) == (network.receptive_radius, 4)


@pytest.mark.slow
def test_onnx_takes_any_size():
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    network = small()
    axes = {"image": {0: "batch", 2: "height", 3: "width"}}
    names = {"input_names": ["image"], "output_names": ["pred"], "dynamic_axes": axes}
    model = convert_to_onnx(network, [torch.rand(2, 1, 16, 20)], **names)
    session = runtime.InferenceSession(model.SerializeToString())
    for shape in ((1, 1, 8, 12), (3, 1, 9, 13)):
        x = torch.rand(shape)
        out = torch.from_numpy(session.run(["pred"], {"image": x.numpy()})[0])
        torch.testing.assert_close(out, network(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"spatial_dims": 1}, "spatial_dims"), ({"in_channels": 3}, "out_channels"), ({"channels": (8,)}, "two levels")],
)
def test_wrong_options_are_named(options, word):
    with pytest.raises(InputError, match=word):
        DPENet(**options)
