# SPDX-License-Identifier: Apache-2.0
"""Equation 3 against a float64 computation by hand; the losses named for equation 4."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.losses import DiceCELoss

from monai_gradprom.losses import ConsistencyLoss


def by_hand(logits, target_logits):
    def softmax(values):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    a, b = (softmax(values.double().numpy()) for values in (logits, target_logits))
    return np.mean((a - b) ** 2)


@pytest.mark.parametrize("shape", [(3, 2), (2, 4, 5, 6), (1, 3, 4, 5, 6)])
def test_is_the_mean_squared_difference_of_probabilities(shape):
    generator = torch.Generator().manual_seed(0)
    logits, target = (5 * torch.randn(shape, generator=generator) for _ in range(2))
    assert ConsistencyLoss()(logits, target).item() == pytest.approx(by_hand(logits, target), rel=1e-5)


def test_extremes():
    loss = ConsistencyLoss()
    logits = torch.randn(2, 3, 4, 4)
    assert loss(logits, logits + 7.0).item() == pytest.approx(0, abs=1e-10)  # a softmax ignores a common offset
    one, other = torch.tensor([[90.0, 0.0, 0.0]]), torch.tensor([[0.0, 90.0, 0.0]])
    assert loss(one, other).item() == pytest.approx(2 / 3)


def test_gradient():
    logits, target = (torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(ConsistencyLoss(), (logits, target))
    ConsistencyLoss()(logits, target.detach()).backward()
    assert logits.grad.abs().sum() > 0 and target.grad is None


def test_half_precision_is_computed_in_single():
    logits, target = torch.randn(4, 2).half(), torch.randn(4, 2).half()
    out = ConsistencyLoss()(logits, target)
    assert out.dtype == torch.float32
    assert out.item() == pytest.approx(by_hand(logits, target), rel=1e-5)


@pytest.mark.parametrize(("a", "b", "words"), [((2, 3), (2, 1), "same shape"), ((2, 1, 4), (2, 1, 4), "two classes")])
def test_wrong_shapes(a, b, words):
    with pytest.raises(ValueError, match=words):
        ConsistencyLoss()(torch.zeros(a), torch.zeros(b))


def test_losses_named_for_equation_4_take_the_stated_shapes():
    logits = torch.zeros(2, 4, 8, 8)
    mask = torch.randint(0, 4, (2, 1, 8, 8))
    sure = torch.nn.functional.one_hot(mask[:, 0], 4).movedim(-1, 1) * 100.0
    loss = DiceCELoss(softmax=True, to_onehot_y=True)
    assert loss(sure, mask).item() == pytest.approx(0, abs=1e-3) and loss(logits, mask).item() > 1
    diagnosis = torch.nn.CrossEntropyLoss()(torch.zeros(3, 4), torch.tensor([0, 3, 1]))
    assert diagnosis.item() == pytest.approx(np.log(4))
