# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest
import torch

from monai_gradprom.metrics import mask_agreement, new_structure


def labels(*rows):
    return torch.tensor(rows)[:, None]


def test_by_hand():
    before = labels([0, 1, 1, 1, 2, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0])
    after = labels([0, 0, 1, 1, 2, 2], [1, 1, 0, 0, 0, 0], [0, 3, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0])
    # classes 1: 2 of 3, 2: 1 of 2; unchanged; made up; lost
    assert mask_agreement(after, before).tolist() == pytest.approx([(2 / 3 + 1 / 2) / 2, 1, 0, 0])
    fresh = new_structure(after, before).tolist()
    assert fresh[:3] == pytest.approx([1 / 4, 0, 1]) and math.isnan(fresh[3])


def test_nothing_in_either_is_unknown_and_shapes_must_match():
    nothing = labels([0, 0])
    assert mask_agreement(nothing, nothing).isnan().all()
    with pytest.raises(ValueError, match="same shape"):
        mask_agreement(nothing, labels([0, 0, 0]))
