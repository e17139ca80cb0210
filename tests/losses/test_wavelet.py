# SPDX-License-Identifier: Apache-2.0
"""The Haar transform against PyWavelets, and what the content term ignores and punishes."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
import torch
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.losses import UnpairedTarget, WaveletContentLoss, haar_transform


def shifted(x, shift):
    """x without its first ``shift`` pixels of each axis, cut to even sides, as an array."""
    for axis, start in enumerate(shift, 2):
        x = x.narrow(axis, start, (x.shape[axis] - start) // 2 * 2)
    return x.numpy()


@pytest.mark.parametrize("sides", [(8, 12), (7, 5), (3, 9)])
@pytest.mark.parametrize("shift", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_the_transform_is_pywavelets_of_each_shift_in_two_dimensions(sides, shift):
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    bands = [band[..., shift[0] :: 2, shift[1] :: 2] for band in haar_transform(x)]
    low, (horizontal, vertical, diagonal) = pywt.dwt2(shifted(x, shift), "haar", axes=(2, 3))
    np.testing.assert_allclose(bands[0], low, atol=1e-12)
    # 01: difference along the last axis, PyWavelets' vertical detail; 10 along the first; 11 both
    for band, expected in enumerate((vertical, horizontal, diagonal)):
        np.testing.assert_allclose(bands[1][:, :, band], expected, atol=1e-12)


@pytest.mark.parametrize("shift", [(0, 0, 0), (1, 0, 1), (1, 1, 1)])
def test_the_transform_is_pywavelets_of_each_shift_in_three_dimensions(shift):
    x = torch.randn(2, 1, 5, 6, 7, dtype=torch.float64)
    places = (..., *(slice(start, None, 2) for start in shift))
    approximation, details = haar_transform(x)
    bands = pywt.dwtn(shifted(x, shift), "haar", axes=(2, 3, 4))
    np.testing.assert_allclose(approximation[places], bands.pop("aaa"), atol=1e-12)
    assert details.shape[2] == len(bands) == 7
    for number, name in enumerate(sorted(bands)):  # aad, ada, ... in the order of their bits
        np.testing.assert_allclose(details[:, :, number][places], bands[name], atol=1e-12)


def mean_of_shifts(x, level):
    """Mean absolute detail of PyWavelets' transform over all shifts of its grid that lie in the image."""
    width, found = 2**level, []
    for start in np.ndindex(width, width):
        part = x[
            (..., *(slice(s, s + (side - s) // width * width) for s, side in zip(start, x.shape[2:], strict=True)))
        ]
        found += [np.abs(band).ravel() for band in pywt.wavedec2(part, "haar", level=level)[1]]
    return np.concatenate(found).mean() / width


@pytest.mark.parametrize("levels", [(1, 2, 3), (2,), (1, 3)])
def test_the_loss_is_the_mean_of_pywavelets_details_over_all_shifts(levels):
    pred, source = torch.rand(2, 1, 17, 24, dtype=torch.float64), torch.rand(2, 1, 17, 24, dtype=torch.float64)
    wanted = np.mean([mean_of_shifts((pred - source).numpy(), level) for level in levels])
    for target in (source, UnpairedTarget(source, torch.zeros(1))):
        assert WaveletContentLoss(levels)(pred, target).item() == pytest.approx(wanted)


def test_no_place_is_free():
    """Blocks on the grid of the usual transform, which it does not see, cost what they cost anywhere else."""
    source, loss = torch.zeros(1, 1, 64, 64).double(), WaveletContentLoss()
    cost = []
    for column in range(24, 41):
        edge = torch.zeros_like(source)
        edge[..., column:] = 1
        cost.append(loss(edge, source).item())
    assert cost[0] > 0.005 and np.ptp(cost) < 1e-12
    decimated = pywt.wavedec2((torch.arange(64) >= 32).expand(64, 64).numpy() * 1.0, "haar", level=3)
    assert all(np.abs(band).max() < 1e-12 for bands in decimated[1:] for band in bands)


def picture(side=64):
    """Soft ground with sharp vessels."""
    x, y = torch.meshgrid(*[torch.linspace(0, 1, side)] * 2, indexing="ij")
    return (0.3 + 0.2 * x + 0.3 * ((x - 0.5 * y).remainder(0.25) < 0.08))[None, None].double()


def of_energy(change, energy=0.05):
    return energy * change / change.square().mean().sqrt()


def test_slow_changes_of_style_cost_next_to_nothing_and_structure_costs():
    """Changes of one energy: a level, shading over the image, against a vessel that moves, goes, or comes anew."""
    source, loss = picture(), WaveletContentLoss()
    x, y = torch.meshgrid(*[torch.linspace(0, 1, 64).double()] * 2, indexing="ij")
    style = [torch.ones(64, 64).double(), torch.sin(3 * x) * torch.cos(2 * y), x - y]
    structure = [
        source.roll(3, dims=-1)[0, 0] - source[0, 0],
        torch.where((x - 0.5).square() + (y - 0.5).square() < 0.003, 1.0, 0.0).double(),
        ((x + y).remainder(0.2) < 0.05).double(),
    ]
    l1 = nn.functional.l1_loss

    def share(change):
        """Of the mean absolute change, how much the term asks for."""
        made = source + of_energy(change)
        return loss(made, source).item() / l1(made, source).item()

    cheap, dear = ([share(change) for change in changes] for changes in (style, structure))
    assert cheap[0] < 1e-12 and max(cheap) < 0.1 * min(dear)
    # that term would not tell them apart: it asks most for what is meant to be free
    plain = [l1(source + of_energy(change), source).item() for change in (*style, *structure)]
    assert max(plain[:3]) > max(plain[3:])


def test_without_the_finest_level_noise_of_single_pixels_is_cheaper():
    source, noise = picture(), of_energy(torch.randn(64, 64).double())
    fine, coarse = (WaveletContentLoss(levels)(source + noise, source) for levels in ((1, 2, 3), (2, 3)))
    assert coarse < 0.7 * fine


def test_an_edge_is_seen_from_more_places_at_coarser_levels():
    source = torch.zeros(1, 1, 64, 64).double()
    edge = torch.zeros_like(source)
    edge[..., 31:] = 1
    found = [WaveletContentLoss([level])(edge, source).item() for level in (1, 2, 3)]
    # half the difference of the means of two halves of 2 ** k pixels, at every place; one band of three
    expected = []
    for width in (2, 4, 8):
        places = [min(max(31 - start, 0), max(start + width - 31, 0)) / width for start in range(64 - width + 1)]
        expected.append(np.mean(places) / 3)
    assert found == pytest.approx(expected) and expected == sorted(expected)


def test_gradient_goes_to_the_enhanced_image_only_and_half_precision_is_enough():
    pred, source = torch.rand(1, 1, 9, 7, requires_grad=True), torch.rand(1, 1, 9, 7, requires_grad=True)
    WaveletContentLoss()(pred, UnpairedTarget(source, source)).backward()
    assert pred.grad.abs().max() > 0 and source.grad is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = WaveletContentLoss()(pred.bfloat16(), source)
    assert loss.dtype == torch.float32
    x = torch.rand(1, 1, 6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: WaveletContentLoss()(x, torch.zeros_like(x)), x)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_images(side):
    image = torch.rand(1, 1, side, 1)
    assert WaveletContentLoss()(image, image.flip(2)).item() == 0  # nothing has details in both directions
    assert WaveletContentLoss()(torch.rand(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)) > 0


def test_wrong_arguments_are_named():
    for levels in ((), (0,), (1, 1), (1.5,), (True,)):
        with pytest.raises(InputError, match="levels"):
            WaveletContentLoss(levels)
    with pytest.raises(ValueError, match="same shape"):
        WaveletContentLoss()(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))
