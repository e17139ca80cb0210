# SPDX-License-Identifier: Apache-2.0
"""DeltaE against published pairs of colours, against scikit-image pixel by pixel, and as a metric."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler
from skimage import color

from monai_gradprom.metrics import RegionDeltaE, delta_e

# Sharma, Wu and Dalal 2005, table 1: those of its pairs that sRGB can show
PUBLISHED = [
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
]


def srgb(lab):
    """By the definition of sRGB (IEC 61966-2-1) and CIELAB under D65; refuses what lies outside."""
    light, a, b = lab
    fy = (light + 16) / 116
    cubes = [f**3 if f**3 > 0.008856 else (f - 16 / 116) / 7.787 for f in (fy + a / 500, fy, fy - b / 200)]
    xyz = np.array(cubes) * (0.95047, 1.0, 1.08883)
    matrix = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    linear = np.linalg.solve(matrix, xyz)
    encoded = np.where(linear > 0.0031308, 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055, 12.92 * linear)
    assert encoded.min() >= 0 and encoded.max() <= 1
    return torch.tensor(encoded).view(1, 3, 1, 1)


@pytest.mark.parametrize(("one", "other", "expected"), PUBLISHED)
def test_published_pairs(one, other, expected):
    assert delta_e(srgb(one), srgb(other)).item() == pytest.approx(expected, abs=1e-3)


def reference(y_pred, y):
    """scikit-image, colour by colour."""
    values = []
    for a, b in zip(y_pred.double().numpy(), y.double().numpy(), strict=True):
        pixels = [image.reshape(3, -1).T for image in (a, b)]
        found = [
            color.deltaE_ciede2000(color.rgb2lab(p[None])[0], color.rgb2lab(q[None])[0])
            for p, q in zip(*pixels, strict=True)
        ]
        values.append(np.mean(found))
    return torch.tensor(values)


def test_random_colours_agree_with_scikit_image():
    y_pred, y = torch.rand(3, 3, 9, 7), torch.rand(3, 3, 9, 7)
    torch.testing.assert_close(delta_e(y_pred, y), reference(y_pred, y), rtol=0, atol=1e-6)


def test_all_pairs_of_the_cubes_corners_agree_with_scikit_image():
    corners = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)))
    pairs = torch.tensor(list(itertools.product(range(8), repeat=2)))
    y_pred, y = (corners[pairs[:, side]].view(64, 3, 1, 1) for side in (0, 1))
    found = delta_e(y_pred, y)
    torch.testing.assert_close(found, reference(y_pred, y), rtol=0, atol=1e-6)
    assert (found[pairs[:, 0] == pairs[:, 1]] == 0).all()
    black, white = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    assert delta_e(black, white).item() == pytest.approx(100, abs=1e-3)


def test_grey_images_count_as_three_equal_channels():
    y_pred, y = torch.rand(2, 1, 6, 5), torch.rand(2, 1, 6, 5)
    rgb = [image.expand(-1, 3, -1, -1) for image in (y_pred, y)]
    torch.testing.assert_close(delta_e(y_pred, y), reference(*rgb), rtol=0, atol=1e-6)


def test_volumes_masks_and_values_that_no_screen_shows():
    y_pred, y = torch.rand(2, 3, 4, 3, 5), torch.rand(2, 3, 4, 3, 5)
    mask = torch.zeros(2, 1, 4, 3, 5)
    mask[0, :, 1, 1, 1] = 255
    found = delta_e(y_pred, y, mask)
    one = delta_e(y_pred[:1, :, 1, 1, 1, None], y[:1, :, 1, 1, 1, None])
    torch.testing.assert_close(found[:1], one)
    assert found[1].isnan()
    torch.testing.assert_close(delta_e(3 * y_pred - 1, y), delta_e((3 * y_pred - 1).clamp(0, 1), y))
    assert delta_e(MetaTensor(y_pred).half(), y.half()).dtype == torch.float64


@pytest.mark.parametrize(
    ("a", "b", "words"), [((1, 3, 2, 2), (1, 1, 2, 2), "same shape"), ((1, 2, 2, 2),) * 2 + ("RGB",)]
)
def test_other_shapes_are_refused(a, b, words):
    with pytest.raises(ValueError, match=words):
        delta_e(torch.zeros(a), torch.zeros(b))


def test_in_an_engine_with_masks():
    y_pred, y, mask = torch.rand(3, 3, 8, 6), torch.rand(3, 3, 8, 6), torch.zeros(3, 1, 8, 6)
    mask[:2, :, 2:5] = 1  # the third is empty
    joined = torch.cat([y, mask], dim=1)
    engine = Engine(lambda _, pair: ([*pair[0]], [*pair[1]]))
    IgniteMetricHandler(RegionDeltaE()).attach(engine, "delta_e")
    value = engine.run([(y_pred[:2], joined[:2]), (y_pred[2:], joined[2:])]).metrics["delta_e"]
    assert value == pytest.approx(delta_e(y_pred, y, mask)[:2].mean().item(), rel=1e-6)
    torch.testing.assert_close(RegionDeltaE()(y_pred, y)[:, 0], delta_e(y_pred, y))
