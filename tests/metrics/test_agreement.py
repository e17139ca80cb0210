# SPDX-License-Identifier: Apache-2.0
"""Each image's agreement with the truth, against counting pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.metrics import area_difference, hit, image_iou

TRUE = np.array([[0, 0, 1, 1], [0, 2, 2, 1], [0, 2, 2, 1]])
PRED = np.array([[0, 1, 1, 1], [0, 2, 0, 1], [0, 0, 0, 1]])


def masks(*arrays):
    return torch.from_numpy(np.stack(arrays))[:, None]


def by_hand(pred, true, classes):
    ious = [((pred == c) & (true == c)).sum() / ((pred == c) | (true == c)).sum() for c in classes if (true == c).any()]
    areas = [(pred == c).sum() / (true == c).sum() - 1 for c in classes if c and (true == c).any()]
    return np.mean(ious), np.mean(areas) if areas else np.nan


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.float32])
def test_pixels_counted(kind):
    random = np.random.RandomState(0)
    pairs = [(PRED, TRUE), (TRUE, TRUE), *((random.randint(0, 3, (3, 4)), random.randint(0, 2, (3, 4))) for _ in "abc")]
    expected = np.array([by_hand(pred, true, range(3)) for pred, true in pairs])
    pred, true = (masks(*side).to(kind) for side in zip(*pairs, strict=True))
    np.testing.assert_allclose(image_iou(MetaTensor(pred), true, 3).numpy(), expected[:, 0], rtol=1e-6)
    np.testing.assert_allclose(area_difference(pred, MetaTensor(true), 3).numpy(), expected[:, 1], rtol=1e-12)
    # of the first pair: the first structure has 5 pixels for 4, the second 1 for 4
    assert expected[0, 1] == (1 / 4 - 3 / 4) / 2 and expected[1].tolist() == [1.0, 0.0]


def test_a_missed_structure_and_one_that_is_not_there():
    empty, lone = np.zeros_like(TRUE), np.where(TRUE == 1, 1, 0)
    assert area_difference(masks(empty, lone), masks(lone, empty), 2)[0] == -1
    assert area_difference(masks(lone), masks(empty), 2).isnan().all()
    # a false structure lowers the background's IoU only
    assert image_iou(masks(lone), masks(empty), 2).item() == pytest.approx((empty + 1 - lone).mean())


def test_hits_are_accuracy():
    hits = hit(torch.tensor([[0], [1], [1], [2]]), torch.tensor([[0.0], [0.0], [1.0], [2.0]]))
    assert hits.tolist() == [1, 0, 1, 1] and hits.dtype == torch.float64
