# SPDX-License-Identifier: Apache-2.0
"""HQGNet: where the cue enters, what it does, and that any door takes the network as it is."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.utils import convert_to_onnx
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.inferers import HaloInferer, PaddedInferer
from monai_gradprom.networks import HQGNet, load_imagenet_resnet
from monai_gradprom.networks.variational_cue import gaussian_divergence


def small(seed=0, **options):
    torch.manual_seed(seed)
    return HQGNet(**{"width": 4, "guide_channels": 6, "image_channels": 3, "cue_channels": 5, **options})


def guided(network, **options):
    """A network whose bank knows a few guides, in evaluation mode."""
    network.train()(torch.rand(4, 1, 32, 32), torch.rand(4, 1, 32, 32))
    return network.eval()


# --- architecture -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("encoder", "expansion", "deepest"), [("resnet18", 1, 512), ("resnet50", 4, 2048)])
def test_the_papers_widths(encoder, expansion, deepest):
    with torch.device("meta"):
        network = HQGNet(encoder=encoder)
    assert network.bottom.conv.weight.shape == (512, deepest, 1, 1)
    assert [block.conv.conv.weight.shape[0] for block in network.decoders] == [256, 128, 64, 64]
    assert network.encoder.no_max_pool and network.cue.mean.in_features == 64 + 16
    inputs = [block.beside.conv.weight.shape[1] for block in network.decoders]
    assert inputs == [256 * expansion, 128 * expansion, 64 * expansion, 64]


def test_the_small_form_ships_under_25_megabytes():
    size = sum(tensor.numel() * tensor.element_size() for tensor in HQGNet(width=32).state_dict().values())
    assert size < 14e6


def test_forward_written_out():
    """From the module's parts, in the order of the paper's figure, with a cue by hand."""
    network = guided(small()).double()
    x, guide = torch.rand(2, 1, 32, 48).double(), torch.rand(2, 1, 20, 20).double()
    signed = 2 * x - 1
    stem = network.encoder.act(network.encoder.bn1(network.encoder.conv1(signed)))
    one = network.encoder.layer1(stem)
    two = network.encoder.layer2(one)
    three = network.encoder.layer3(two)
    four = network.encoder.layer4(three)
    assert [f.shape[2] for f in (stem, one, two, three, four)] == [16, 16, 8, 4, 2]  # no max-pool
    vectors = torch.cat([network.guidance(guide), network.image_vector(four.mean(dim=(2, 3)))], dim=1)
    z = vectors @ network.cue.mean.weight.T + network.cue.mean.bias
    out = network.bottom(four)
    for block, beside in zip(network.decoders, (three, two, one, network.full_size(signed)), strict=True):
        out = block(out, beside, z)
    torch.testing.assert_close(network(x, guide), torch.sigmoid(network.tail(out)))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("sides", [(16, 16, 16), (17, 31, 5), (1, 2, 3)])
@pytest.mark.parametrize("residual", [True, False])
def test_any_size_of_image_and_guide(dims, sides, residual):
    network = small(spatial_dims=dims, in_channels=2, out_channels=2, width=2, global_residual=residual).eval()
    x, guide = torch.rand(2, 2, *sides[:dims]), torch.rand(2, 2, *(9, 4, 7)[:dims])
    for out in (network(x), network(x, guide)):
        assert out.shape == x.shape and out.min() >= 0 and out.max() <= 1


def test_of_a_size_that_does_not_divide_the_border_is_repeated_inside_and_outside_alike():
    network = guided(small())
    x = torch.rand(1, 1, 9, 14)
    expected = network(F.pad(x, (1, 1, 3, 4), mode="replicate"))[..., 3:12, 1:15]
    torch.testing.assert_close(network(x), expected)
    torch.testing.assert_close(PaddedInferer()(x, network), expected)


def test_the_residual_form_begins_as_the_identity():
    x = torch.linspace(0, 1, 400).view(1, 1, 20, 20)
    network = guided(small(global_residual=True))
    assert (network(x) - x).abs().max() <= 1.1e-3 and not torch.equal(network(x), x)
    torch.testing.assert_close(network(x)[..., 1:-1, :], x[..., 1:-1, :])  # away from black and white
    with torch.no_grad():
        network.tail.conv.bias.fill_(1.0)
    inner = x[..., 5:15, :]
    torch.testing.assert_close(torch.logit(network(x)[..., 5:15, :]), torch.logit(inner) + 1)


@pytest.mark.parametrize("dims", [2, 3])
def test_every_parameter_gets_a_gradient(dims):
    network = small(spatial_dims=dims).train()
    x, guide = (torch.rand(2, 1, *(33, 30, 18)[:dims]) for _ in range(2))
    (network(x, guide) * torch.rand_like(x)).sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not without


# --- the cue ----------------------------------------------------------------------------------------------------------


def outputs(network, x, guide, count=24):
    with torch.no_grad():
        return torch.stack([network(x, guide) for _ in range(count)])


def test_training_samples_the_cue_and_evaluation_takes_its_mean():
    network, x, guide = small(), torch.rand(2, 1, 32, 32), torch.rand(2, 1, 32, 32)
    network.encoder.eval()  # running statistics of the encoder aside
    for module in network.encoder.modules():
        module.train = lambda mode=True, module=module: module
    drawn = outputs(network.train(), x, guide)
    assert drawn.std(dim=0).mean() > 1e-3
    network.eval()
    assert outputs(network, x, guide, 3).std(dim=0).max() == 0
    with torch.no_grad():  # a distribution without width is its mean
        network.cue.log_variance.weight.zero_()
        network.cue.log_variance.bias.fill_(-100)
    network.cue.bound = 100.0
    expected = network(x, guide)
    torch.testing.assert_close(network.train()(x, guide), expected)


def test_the_sample_has_the_heads_mean_and_variance():
    network, seen = small().train(), []
    x, guide = torch.rand(512, 1, 16, 16)[:1].expand(512, -1, -1, -1), torch.rand(1, 1, 16, 16).expand(512, -1, -1, -1)
    network.decoders[0].norm.register_forward_pre_hook(lambda module, given: seen.append(given[1]))
    with torch.no_grad():
        network(x, guide)
        vector = network.image_vector(network.encoder(2 * x - 1)[-1].mean(dim=(2, 3)))
        mean, log = network.cue(network.guidance(guide), vector)
    (cue,) = seen
    error = (log[0] / 2).exp() / 512**0.5
    assert ((cue.mean(dim=0) - mean[0]).abs() < 5 * error).all()
    torch.testing.assert_close(cue.var(dim=0), log[0].exp(), rtol=0.4, atol=0)


def test_removing_the_cue_changes_the_distribution_of_outputs():
    """With it, two guides lead to two distributions with a width; without it there is one image, whatever the guide."""
    network, x = small(width=8).train(), torch.rand(1, 1, 32, 32).expand(2, -1, -1, -1)
    dark, bright = 0.1 * torch.rand(2, 1, 32, 32), 1 - 0.1 * torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        network.cue.log_variance.bias.fill_(-7)

    def apart():
        a, b = outputs(network, x, dark), outputs(network, x, bright)
        error = ((a.var(dim=0) + b.var(dim=0)) / len(a)).sqrt().mean()
        return (a.mean(dim=0) - b.mean(dim=0)).abs().mean().item(), error.item(), a.std(dim=0).mean().item()

    distance, error, width = apart()
    assert distance > 4 * error and width > 1e-5
    for block in network.decoders:
        with torch.no_grad():
            block.norm.affine.weight.zero_()
    assert apart() == (0, 0, 0)


def test_a_guides_look_can_be_learnt_and_only_from_the_guide():
    """Asked for the guide's mean brightness, the network follows it; with guides shuffled it cannot."""
    errors = {}
    for shuffled in (False, True):
        network = small(width=4, guide_channels=16, cue_channels=8).train()
        optimizer = torch.optim.Adam(network.parameters(), 0.01)
        generator = torch.Generator().manual_seed(2)
        x = torch.rand(8, 1, 16, 16, generator=generator)
        for _ in range(40):
            level = torch.rand(8, 1, 1, 1, generator=generator)
            guide = (level + 0.05 * torch.randn(8, 1, 16, 16, generator=generator)).clamp(0, 1)
            made = network(x, guide.flip(0) if shuffled else guide).mean(dim=(2, 3))
            loss = (made - level.flatten(1)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            errors.setdefault(shuffled, []).append(loss.item())
    late = {shuffled: sum(values[-10:]) / 10 for shuffled, values in errors.items()}
    assert late[False] < 0.4 * late[True]


def test_divergence_is_that_of_the_pass_and_pulls_to_the_prior():
    network, x, guide = small(), torch.rand(4, 1, 32, 32), torch.rand(4, 1, 32, 32)
    assert network.divergence is None
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    values = []
    for _ in range(60):
        seen = []
        hook = network.cue.register_forward_hook(lambda module, given, made, seen=seen: seen.append(made))
        network.train()(x, guide)
        hook.remove()
        torch.testing.assert_close(network.divergence, gaussian_divergence(*seen[0]))
        values.append(network.divergence.item())
        optimizer.zero_grad()
        network.divergence.backward()
        optimizer.step()
    mean, log = seen[0]
    assert values[-1] < 0.02 * values[0]
    assert mean.abs().max() < 0.2 and log.abs().max() < 0.3  # N(0, 1)


# --- without a guide --------------------------------------------------------------------------------------------------


def test_without_a_guide_the_prior_speaks_until_the_bank_knows_one():
    network, x = small().eval(), torch.rand(2, 1, 32, 32)
    prior = small(cue="prior").eval()
    torch.testing.assert_close(network(x), prior(x))
    with torch.no_grad():  # z = 0: the affine parameters are the heads' biases, whatever the weights
        for block in prior.decoders:
            block.norm.affine.weight.normal_()
    torch.testing.assert_close(network(x), prior(x))
    guided(network)
    prior.load_state_dict(network.state_dict())
    assert (network(x) - prior(x)).abs().max() > 1e-4
    assert torch.equal(network(x), network(x)) and torch.equal(prior(x), prior(x))


def test_the_bank_stands_in_for_a_guide_with_its_mean_vector():
    network, x = guided(small()), torch.rand(2, 1, 32, 32)
    network.guidance.forward = lambda guide: network.bank.vectors[:4].mean(dim=0).expand(len(guide), -1)
    torch.testing.assert_close(network(x), network(x, torch.rand(2, 1, 8, 8)))


def test_only_guided_training_fills_the_bank_and_the_state_dict_keeps_it():
    network, x = small(), torch.rand(3, 1, 16, 16)
    network.train()(x)
    network.eval()(x, x)
    assert network.bank.count == 0 and network.divergence is None
    network.train()(x, x)
    assert network.bank.count == 3
    with torch.no_grad():
        torch.testing.assert_close(network.bank.vectors[:3], network.guidance(x))
    other = small(seed=1)
    other.load_state_dict(network.state_dict())
    torch.testing.assert_close(other.eval()(x), network.eval()(x))


def test_a_network_in_training_can_be_copied():
    network = small().train()
    network(torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16))
    assert copy.deepcopy(network).divergence is None and network.divergence is not None


# --- the doors --------------------------------------------------------------------------------------------------------


def test_it_declares_that_it_sees_the_whole_image():
    network = guided(small())
    assert network.receptive_radius is None and network.size_multiple == 16
    x = torch.rand(1, 1, 48, 48)
    moved = x.clone()
    moved[..., :4, :4] = 1 - moved[..., :4, :4]
    assert (network(moved) - network(x))[..., -1, -1].abs().max() > 0  # from corner to corner
    with pytest.raises(InputError, match="HQGNet normalises over the whole image"):
        HaloInferer(tile_size=32)(x, network)
    torch.testing.assert_close(HaloInferer(tile_size=48)(x, network), network(x))


@pytest.mark.parametrize("options", [{"global_residual": True}, {"cue": "prior"}])
def test_torchscript(options):
    network = guided(small(**options))
    scripted = torch.jit.script(network)
    for shape in ((1, 1, 1, 1), (2, 1, 33, 46)):
        x = torch.rand(shape)
        torch.testing.assert_close(scripted(x), network(x))
        torch.testing.assert_close(scripted(x, x), network(x, x))


@pytest.mark.slow
def test_onnx():
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = guided(small(width=2, global_residual=True))
    axes = {name: {0: "batch", 2: "height", 3: "width"} for name in ("image", "pred")}
    names = {"input_names": ["image"], "output_names": ["pred"], "dynamic_axes": axes}
    model = convert_to_onnx(network, [torch.rand(2, 1, 32, 48)], **names)
    session = runtime.InferenceSession(model.SerializeToString())
    for shape in ((1, 1, 1, 1), (3, 1, 33, 46)):
        x = torch.rand(shape)
        out = torch.from_numpy(session.run(["pred"], {"image": x.numpy()})[0])
        torch.testing.assert_close(out, network(x), rtol=1e-4, atol=1e-5)


def test_imagenets_weights_fit_the_encoder_of_the_papers_width(resnet_file):
    network = HQGNet(in_channels=3, out_channels=3)
    report = load_imagenet_resnet(network.encoder, resnet_file)
    assert "layer4.1.conv2.weight" in report.loaded and report.skipped == ("fc.weight", "fc.bias")
    saved = torch.load(resnet_file, weights_only=True)
    assert torch.equal(network.encoder.layer4[1].conv2.weight, saved["layer4.1.conv2.weight"])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"spatial_dims": 1}, "spatial_dims"),
        ({"encoder": "resnet10"}, "resnet18"),
        ({"cue": "guide"}, "bank, prior"),
        ({"width": 0}, "width is 0"),
        ({"bank_size": 1.5}, "bank_size is 1.5"),
        ({"in_channels": 3, "global_residual": True}, "global_residual"),
        ({"global_residual": "no"}, "global_residual is 'no'; write True or False"),  # a text counts as true
    ],
)
def test_wrong_options_are_named(options, word):
    with pytest.raises(InputError, match=word):
        HQGNet(**options)
