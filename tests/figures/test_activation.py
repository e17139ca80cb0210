# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from monai_gradprom.figures import activation_row, class_activation, foreground_activation


def bilinear(small, size):
    """Enlarge [h, w] with pixel centres at half-integers, values held beyond the outermost centres."""
    rows, columns = (
        np.clip((np.arange(n) + 0.5) * s / n - 0.5, 0, s - 1) for n, s in zip(size, small.shape, strict=True)
    )
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, small.shape[0] - 1), np.minimum(left + 1, small.shape[1] - 1)
    y, x = (rows - top)[:, None], (columns - left)[None]
    above = small[top][:, left] * (1 - x) + small[top][:, right] * x
    below = small[bottom][:, left] * (1 - x) + small[bottom][:, right] * x
    return above * (1 - y) + below * y


@pytest.mark.parametrize("index", [0, 2])
def test_the_class_activation_map_is_the_weighted_sum_of_the_last_feature_maps(diagnosis, index):
    image = torch.rand(1, 70, 96)
    net = copy.deepcopy(diagnosis.network).eval()
    with torch.no_grad():
        x = net.maxpool(torch.relu(net.bn1(net.conv1((image[None] - 0.449) / 0.226))))
        features = net.layer4(net.layer3(net.layer2(net.layer1(x))))[0].double().numpy()
        weights, bias = (p.detach().double().numpy()[index] for p in (net.fc.weight, net.fc.bias))
        logit = diagnosis.eval()(image[None])[0, index]
    small = sum(weight * feature for weight, feature in zip(weights, features, strict=True)) + bias
    assert small.shape == (3, 3)
    assert small.mean() == pytest.approx(float(logit), rel=1e-3)  # what makes the maps comparable
    np.testing.assert_allclose(class_activation(diagnosis, image, index), bilinear(small, (70, 96)), atol=2e-5)


def test_the_foreground_map_of_a_padded_image_lies_where_the_image_does(segmentation):
    image = torch.rand(1, 72, 100)  # padded by 12 + 12 and 14 + 14
    kept = []
    net = copy.deepcopy(segmentation).eval()
    net.network.encoder.layer4.register_forward_hook(lambda module, args, out: kept.append(out))
    score = net(image[None])[0, 1:].mean()
    (gradient,) = torch.autograd.grad(score, kept[0])
    small = (gradient[0].mean(dim=(1, 2), keepdim=True) * kept[0][0]).sum(0).clamp(min=0).detach().double().numpy()
    expected = bilinear(small, (96, 128))[12:84, 14:114]
    found = foreground_activation(segmentation, image)
    assert expected.max() > 0
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max(), rtol=1e-4)


@pytest.mark.parametrize("given", [{"diagnosis": 2}, {"diagnosis": torch.tensor(2)}, {"diagnosis": -1}, {}])
def test_all_maps_are_of_the_true_class_or_of_the_one_on_the_clean_image(diagnosis, case, given):
    one = case(**given)
    row = activation_row(one, diagnosis, "diagnosis", ["a", "b", "c"])
    with torch.no_grad():
        logits = [diagnosis.eval()(view.image[None])[0] for view in one.views]
    known = int(given.get("diagnosis", -1)) == 2
    index = 2 if known else int(logits[-1].argmax())
    assert row.name == f"some/id\n{'abc'[index]} ({'true' if known else 'predicted on clean'})"
    for cell, view, logit in zip(row.cells, one.views, logits, strict=True):
        np.testing.assert_allclose(cell.heat, class_activation(diagnosis, view.image, index).T)
        best = int(logit.argmax())
        assert cell.caption == f"{'abc'[best]}: {torch.exp(logit[best]) / torch.exp(logit).sum():.2f}"
    assert [cell.title for cell in row.cells] == ["degraded", "enhanced", "clean"]


def test_the_predicted_foreground_stands_below_a_segmentation(segmentation, case):
    one = case()
    row = activation_row(one, segmentation, "segmentation")
    with torch.no_grad():
        classes = segmentation.eval()(one.views[0].image[None])[0].argmax(0).numpy()
    assert row.cells[0].caption == f"{100 * np.count_nonzero(classes) / classes.size:.1f} % foreground"
    np.testing.assert_allclose(row.cells[0].heat, foreground_activation(segmentation, one.views[0].image).T)


def test_recognizers_are_left_alone_and_an_unknown_one_has_no_map(diagnosis, segmentation, case, snapshot):
    diagnosis.train(), diagnosis.network.bn1.eval(), segmentation.eval()
    before = snapshot(diagnosis, segmentation)
    with torch.no_grad():  # as evaluations run
        for recognizer in (diagnosis, segmentation):
            assert activation_row(case(), recognizer, "diagnosis") is not None
    snapshot.unchanged(before, diagnosis, segmentation)
    assert activation_row(case(), nn.Conv2d(1, 2, 1), "diagnosis") is None
