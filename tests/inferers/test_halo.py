# SPDX-License-Identifier: Apache-2.0
"""Tiles against the whole image."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInferer
from torch import nn
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.inferers import HaloInferer, PaddedInferer
from monai_gradprom.networks import SRResNet


def enhancer(scale=1, dims=2, inputs=1, outputs=1, blocks=1, **options):
    """A network with running statistics of its own."""
    network = SRResNet(dims, inputs, outputs, channels=4, num_blocks=blocks, scale_factor=scale, **options)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@torch.no_grad()
def whole_and_tiled(network, image, tile_size, **options):
    return network(image), HaloInferer(tile_size, **options)(image, network)


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("size", [(61, 83), (120, 35), (36, 35), (97, 97)])
def test_tiles_equal_the_whole_image(scale, size):
    whole, tiled = whole_and_tiled(enhancer(scale, inputs=3, outputs=2), torch.rand(2, 3, *size), 35)
    assert whole.shape == (2, 2, *(scale * side for side in size)) and whole.std() > 1e-3
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


def test_in_double_precision_the_difference_is_rounding():
    network = enhancer(2, global_residual=True).double()
    nn.init.normal_(network.tail.conv.weight)
    whole, tiled = whole_and_tiled(network, torch.rand(1, 1, 70, 64, dtype=torch.float64), 40)
    torch.testing.assert_close(tiled, whole, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_volumes_and_batches_of_tiles(batch_size):
    network = enhancer(2, dims=3)
    whole, tiled = whole_and_tiled(network, torch.rand(1, 1, 33, 40, 14), 32, batch_size=batch_size)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


def test_a_smaller_halo_would_differ():
    """The radius is no precaution: with one pixel less, the padding inside the image is seen."""
    network = enhancer().double()
    for parameter in network.parameters():  # all weights positive, so that nothing cancels on its way
        parameter.data.abs_().mul_(0.3)
    image = torch.rand(1, 1, 60, 60, dtype=torch.float64)
    whole, tiled = whole_and_tiled(network, image, 40)
    assert (tiled - whole).abs().max() < 1e-12
    network.receptive_radius -= 1
    _, tiled = whole_and_tiled(network, image, 40)
    assert (tiled - whole).abs().max() > 1e-9
    network.receptive_radius = 0
    _, tiled = whole_and_tiled(network, image, 40)
    assert (tiled - whole).abs().max() > 1e-3


def test_what_monai_has_shows_seams():
    network, image = enhancer(), torch.rand(1, 1, 80, 80)
    with torch.no_grad():
        seamed = SlidingWindowInferer(40, 1, overlap=0.5, mode="gaussian")(image, network)
        assert (seamed - network(image)).abs().max() > 1e-3


class Spy(nn.Module):
    """Records what it is given; reaches 3 pixels."""

    receptive_radius = 3

    def __init__(self):
        super().__init__()
        self.shapes = []

    def forward(self, x):
        self.shapes.append(tuple(x.shape))
        return F.avg_pool2d(x, 7, stride=1, padding=3)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_memory_is_bounded_by_the_tile(batch_size):
    spy, image = Spy(), torch.rand(1, 1, 1500, 1100)
    tiled = HaloInferer(256, batch_size=batch_size)(image, spy)
    assert max(max(shape[2:]) for shape in spy.shapes) <= 256
    assert max(shape[0] for shape in spy.shapes) == batch_size
    assert len({shape[2:] for shape in spy.shapes}) == 1  # one shape for every tile
    computed = sum(shape[0] * shape[2] * shape[3] for shape in spy.shapes)
    assert 1 < computed / image.numel() < 1.08
    torch.testing.assert_close(tiled, spy(image))


@pytest.mark.parametrize("tile_size, size", [(None, (300, 200)), (300, (300, 200))])
def test_what_fits_goes_through_whole(tile_size, size):
    spy = Spy()
    spy.receptive_radius = None  # whole images need none
    HaloInferer(tile_size)(torch.rand(2, 1, *size), spy)
    assert spy.shapes == [(2, 1, *size)]


class Strided(nn.Module):
    """Halves and doubles: results depend on where a tile begins, and sides must be even multiples."""

    size_multiple, receptive_radius = 4, 15

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.PReLU(), nn.Conv2d(4, 4, 3, 2, 1), nn.PReLU())
        self.up = nn.Sequential(nn.ConvTranspose2d(4, 4, 2, 2), nn.ConvTranspose2d(4, 1, 2, 2))
        self.shapes = []

    def forward(self, x):
        assert all(side % 4 == 0 for side in x.shape[2:])
        self.shapes.append(tuple(x.shape[2:]))
        return self.up(self.down(x))


@pytest.mark.parametrize("given", [1, 4, 8])
def test_tiles_are_aligned_to_the_size_multiple(given):
    network, image = Strided().eval(), torch.rand(1, 1, 101, 90)
    whole = PaddedInferer(given)(image, network)
    network.shapes.clear()
    tiled = HaloInferer(62, size_multiple=given)(image, network)
    assert tiled.shape == image.shape and len(network.shapes) > 1 and max(max(s) for s in network.shapes) <= 62
    torch.testing.assert_close(tiled, whole, atol=1e-6, rtol=0)


def test_padding_and_super_resolution_together():
    network, image = enhancer(2), torch.rand(1, 1, 61, 50)
    with torch.no_grad():
        whole = PaddedInferer(8)(image, network)
        tiled = HaloInferer(48, size_multiple=8)(image, network)
    assert whole.shape == (1, 1, 122, 100)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


def test_autocast():
    network, image = enhancer(), torch.rand(1, 1, 70, 60)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        whole, tiled = whole_and_tiled(network, image, 40)
    assert tiled.dtype == whole.dtype
    torch.testing.assert_close(tiled, whole, atol=2e-2, rtol=0)  # a few steps of bfloat16 between 0.5 and 1
    assert whole_and_tiled(network.bfloat16(), image.bfloat16(), 40)[1].dtype == torch.bfloat16


@pytest.mark.parametrize("tile_size", [None, 40])
def test_metadata_is_kept(tile_size):
    meta = {"affine": torch.diag(torch.tensor([2.0, 3, 1, 1])), "filename_or_obj": "a.png"}
    image = MetaTensor(torch.rand(1, 1, 70, 50), meta=meta)
    with torch.no_grad():
        out = HaloInferer(tile_size)(image, enhancer())
    assert isinstance(out, MetaTensor) and out.meta["filename_or_obj"] == "a.png"
    torch.testing.assert_close(out.affine, image.affine)


class Wrapper(nn.Module):
    """As DistributedDataParallel: the network under `module`, none of its attributes."""

    def __init__(self, network):
        super().__init__()
        self.module = network

    def forward(self, x):
        return self.module(x)


WRAPPERS = {
    "script": torch.jit.script,
    "parallel": Wrapper,
    "compile": lambda network: torch.compile(network, backend="eager"),
    "parallel of compile": lambda network: Wrapper(torch.compile(network, backend="eager")),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", WRAPPERS)
def test_the_radius_is_found_inside_wrappers(name):
    network, image = enhancer(), torch.rand(1, 1, 70, 41)
    wrapped = WRAPPERS[name](network)
    with torch.no_grad():
        torch.testing.assert_close(HaloInferer(40)(image, wrapped), network(image), atol=1e-5, rtol=0)
        with pytest.raises(InputError, match="39"):
            HaloInferer(38)(image, WRAPPERS[name](enhancer(blocks=5)))


def test_further_arguments_reach_the_network():
    spy, seen = Spy(), []

    def network(x, scale, offset=0.0):
        seen.append((scale, offset))
        return scale * spy(x) + offset

    network.receptive_radius = 3
    image = torch.rand(1, 1, 60, 50)
    torch.testing.assert_close(HaloInferer(30)(image, network, 2.0, offset=1.0), 2 * spy(image) + 1)
    assert set(seen) == {(2.0, 1.0)}


def test_gradients_flow_through_tiles():
    network, image = enhancer(), torch.rand(1, 1, 50, 40)
    (whole,) = torch.autograd.grad(network(image).square().sum(), network.head.conv.weight)
    (tiled,) = torch.autograd.grad(HaloInferer(36)(image, network).square().sum(), network.head.conv.weight)
    torch.testing.assert_close(tiled, whole, rtol=1e-3, atol=1e-3)


def test_networks_that_see_everything_are_refused():
    for network in (enhancer(norm="instance"), nn.Conv2d(1, 1, 3), lambda x: x):
        with pytest.raises(InputError, match=r"\[50, 30\].*receptive_radius.*tile_size None .*--tile_size '\$None'"):
            HaloInferer(40)(torch.rand(1, 1, 50, 30), network)


def test_the_smallest_tile_that_works_is_named():
    network = enhancer()  # radius 11
    assert network.receptive_radius == 11
    with pytest.raises(InputError, match=r"tile_size 22 .* 11 pixels.* SRResNet.* 23 or more"):
        HaloInferer(22)(torch.rand(1, 1, 50, 30), network)
    whole, tiled = whole_and_tiled(network, torch.rand(1, 1, 29, 27), 23)
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)


def test_a_network_that_does_not_enlarge_evenly_is_refused():
    def crop(x):
        return x[..., 1:]

    crop.receptive_radius = 0
    with pytest.raises(InputError, match=r"\[20, 19\] of \[20, 20\]"):
        HaloInferer(20)(torch.rand(1, 1, 40, 40), crop)


@pytest.mark.parametrize("options", [{"tile_size": 0}, {"tile_size": "64"}, {"batch_size": 0}, {"size_multiple": 1.5}])
def test_odd_arguments_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        HaloInferer(**options)
