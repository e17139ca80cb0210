# SPDX-License-Identifier: Apache-2.0
"""FID and KID by hand in float64, against MONAI and against theory."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch
from monai.metrics import FIDMetric
from scipy.linalg import sqrtm

from monai_gradprom.errors import InputError
from monai_gradprom.metrics import frechet_distance, kernel_distance


def features(n, size=6, shift=0.0, scale=1.0, seed=0):
    random = np.random.RandomState(seed)
    return torch.from_numpy(shift + scale * random.randn(n, size) @ (np.eye(size) + 0.2 * random.rand(size, size)))


def kid_by_hand(a, b):
    def k(x, y):
        return (sum(p * q for p, q in zip(x, y, strict=True)) / len(x) + 1) ** 3

    a, b = a.tolist(), b.tolist()
    own = [
        sum(k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j) / (len(s) * (len(s) - 1))
        for s in (a, b)
    ]
    return sum(own) - 2 * sum(k(x, y) for x in a for y in b) / (len(a) * len(b))


def test_kernel_distance_by_hand():
    a, b = features(7), features(5, shift=0.4, seed=1)
    assert kernel_distance(a, b).item() == pytest.approx(kid_by_hand(a, b), rel=1e-12)
    assert kernel_distance(a.float(), b.float()).dtype == torch.float64


def test_kernel_distance_is_unbiased():
    """Over many small samples of one distribution its mean is 0; pairs of an image with itself would raise it."""
    random = torch.Generator().manual_seed(0)
    draws = [torch.randn(2, 6, 8, generator=random, dtype=torch.float64) for _ in range(500)]
    values = torch.stack([kernel_distance(*pair) for pair in draws])
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5
    assert values.min() < 0
    apart = torch.stack([kernel_distance(a, b + 1) for a, b in draws])
    assert apart.mean() > 10 * values.std() / len(values) ** 0.5


def test_frechet_distance_is_that_of_monai_and_of_the_formula():
    a, b = features(400), features(300, shift=0.5, scale=1.5, seed=1)
    root = sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    assert frechet_distance(a, b).item() == pytest.approx(expected, rel=1e-9)
    if "disp" in inspect.signature(sqrtm).parameters:  # MONAI needs it, SciPy is about to drop it
        assert frechet_distance(a, b).item() == pytest.approx(FIDMetric()(a, b).item(), rel=1e-6)


def test_frechet_distance_of_known_distributions():
    """Of N(0, 1) and N(2, 3²) in one dimension: 2² + (3 - 1)²; each sample standardised, so that it is exact."""
    x = torch.randn(50, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = (x - x.mean()) / x.std()
    assert frechet_distance(x, 2 + 3 * x).item() == pytest.approx(8, rel=1e-9)


def test_fewer_images_than_features_are_no_trouble():
    """Covariances are singular then; turning all features leaves the distance as it is, also into more dimensions."""
    a, b = features(5, 4), features(6, 4, shift=1, seed=1)
    wide = torch.linalg.qr(torch.randn(64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0][:4]
    assert frechet_distance(a @ wide, b @ wide).item() == pytest.approx(frechet_distance(a, b).item(), rel=1e-9)
    assert frechet_distance(a @ wide, a @ wide).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_one_image_is_no_set(distance):
    with pytest.raises(InputError, match="sets of 1 and 3 images"):
        distance(features(1), features(3))
