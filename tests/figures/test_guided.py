# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from monai.inferers import SimpleInferer
from monai.visualize import GuidedBackpropGrad
from torch import nn

from monai_gradprom.figures import guided, guided_gradient, guided_row
from monai_gradprom.networks import SRResNet


@pytest.mark.parametrize("slope", [0.0, 0.3, -0.2])
def test_by_hand(slope):
    """Three linear layers with two rectifiers, forwards and backwards in numpy."""
    layers = [nn.Linear(5, 7), nn.Linear(7, 6), nn.Linear(6, 3)]
    act = [nn.ReLU(inplace=True) if slope == 0 else nn.PReLU(init=slope) for _ in range(2)]
    model = nn.Sequential(layers[0], act[0], layers[1], act[1], layers[2]).double()
    x = torch.randn(5, dtype=torch.float64)
    (a, p), (b, q), (c, _) = ([t.detach().numpy() for t in layer.parameters()] for layer in layers)
    first = a @ x.numpy() + p
    second = b @ np.where(first > 0, first, slope * first) + q
    for index in range(3):
        gradient = np.maximum(c[index], 0) * np.where(second > 0, 1, slope)
        gradient = np.maximum(gradient @ b, 0) * np.where(first > 0, 1, slope)
        np.testing.assert_allclose(guided_gradient(model, x, index), gradient @ a, atol=1e-12)


def convolutions(name):
    torch.manual_seed(3)
    return nn.Sequential(
        OrderedDict(
            [
                ("one", nn.Conv2d(1, 6, 3)),
                (name, nn.ReLU()),
                ("two", nn.Conv2d(6, 6, 3)),
                (f"{name}2", nn.ReLU()),
                ("pool", nn.AdaptiveAvgPool2d(1)),
                ("flat", nn.Flatten()),
                ("fc", nn.Linear(6, 2)),
            ]
        )
    )


def test_it_is_monais_rule_where_monai_finds_the_rectifiers():
    image = torch.rand(1, 12, 12)
    monai = {name: GuidedBackpropGrad(convolutions(name))(image[None].clone(), index=1)[0] for name in ("relu", "act")}
    x = image[None].clone().requires_grad_()
    (plain,) = torch.autograd.grad(convolutions("act")(x)[0, 1], x)
    torch.testing.assert_close(guided_gradient(convolutions("relu"), image, 1), monai["relu"])
    torch.testing.assert_close(guided_gradient(convolutions("act"), image, 1), monai["relu"])
    torch.testing.assert_close(monai["act"], plain[0])  # the trap: by its name, MONAI finds nothing to guide
    assert not torch.allclose(monai["relu"], plain[0])


def as_drawn(gradient):
    """Mid-grey is 0; the magnitude that 99.5 % of the values do not exceed is white."""
    largest = np.sort(np.abs(gradient).ravel())[int(0.995 * gradient.size) - 1]
    return np.clip(0.5 + gradient / (2 * largest), 0, 1)


def scaling(factor):
    network = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.constant_(network.weight, factor)
    return network


def test_the_enhancers_map_is_the_gradient_of_its_loss(case):
    one = case()
    row = guided_row(one, scaling(2.0), SimpleInferer())
    error = 2 * one.image - one.reference
    assert [cell.title for cell in row.cells] == ["(a) degraded", "(b) enhancer"]
    np.testing.assert_allclose(row.cells[0].pixels, one.image[0].T)
    np.testing.assert_allclose(row.cells[1].pixels, as_drawn((4 * error / error.numel())[0].T.numpy()), atol=1e-5)
    assert row.cells[1].caption == "L_IP = MSE(ŷ, Y)"


def test_without_a_clean_image_the_map_is_of_what_the_enhancer_changes(case):
    one = case(label=None)
    row = guided_row(one, scaling(2.0), SimpleInferer())
    np.testing.assert_allclose(row.cells[1].pixels, as_drawn(one.image[0].T.numpy()), atol=1e-5)
    assert row.cells[1].caption == "MSE(ŷ, X)"


def test_recognizers_follow_in_the_papers_order_each_with_its_own_logits(case, diagnosis, segmentation):
    one = case(diagnosis=1)
    row = guided_row(
        one,
        scaling(1.0),
        SimpleInferer(),
        [(diagnosis, "diagnosis"), (nn.Identity(), "other"), (segmentation, "segmentation")],
        ["naevus", "melanoma", "keratosis"],
    )
    assert [cell.title for cell in row.cells[2:]] == ["(c) segmentation", "(d) diagnosis"]
    assert [cell.caption for cell in row.cells[2:]] == ["foreground logits", "logit of melanoma (true)"]

    class Foreground(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = segmentation

        def forward(self, x):
            logits = self.net(x)
            return (logits.sum() - logits[:, 0].sum()).reshape(1, 1)

    for cell, model, index in ((row.cells[2], Foreground(), 0), (row.cells[3], diagnosis, 1)):
        expected = as_drawn(guided_gradient(model, one.image, index)[0].T.numpy())
        np.testing.assert_allclose(cell.pixels, expected, atol=2e-3)


@pytest.mark.parametrize("scale, channels", [(1, 3), (2, 1), (4, 3)])
def test_sizes_and_colours(case, scale, channels):
    network = SRResNet(2, channels, channels, channels=4, num_blocks=1, scale_factor=scale)
    row = guided_row(case((48, 40), channels, scale), network, SimpleInferer())
    assert [cell.size for cell in row.cells] == [(48, 40), (48 // scale, 40 // scale)]
    assert all(cell.pixels.ndim == (3 if channels == 3 else 2) for cell in row.cells)


def test_of_a_large_image_the_middle_is_used(case, monkeypatch):
    monkeypatch.setattr(guided, "_LONGEST", 16)
    one = case((48, 12), scale=2)
    network = nn.Upsample(scale_factor=2)
    row = guided_row(one, network, SimpleInferer())
    assert [cell.size for cell in row.cells] == [(16, 12), (8, 6)]
    np.testing.assert_allclose(row.cells[0].pixels, one.given[0, 16:32].T)
    middle = one.image[:, 8:16]
    error = np.kron(middle[0].T.numpy(), np.ones((2, 2))) - one.reference[0, 16:32].T.numpy()
    expected = error.reshape(6, 2, 8, 2).sum(axis=(1, 3))
    np.testing.assert_allclose(row.cells[1].pixels, as_drawn(expected.astype(np.float32)), atol=1e-5)


def test_the_live_networks_are_left_alone_even_under_no_grad(case, diagnosis, segmentation, snapshot):
    network = SRResNet(2, 1, 1, channels=4, num_blocks=1).train()
    diagnosis.train(), segmentation.eval()
    networks = network, diagnosis, segmentation
    before, image = snapshot(*networks), torch.rand(1, 1, 32, 32)
    output = segmentation(image)
    with torch.no_grad():
        row = guided_row(case(), network, SimpleInferer(), [(diagnosis, "d"), (segmentation, "s")])
    assert all(np.ptp(cell.pixels) > 0.5 for cell in row.cells)
    snapshot.unchanged(before, *networks)
    assert torch.equal(segmentation(image), output)
