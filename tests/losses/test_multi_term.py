# SPDX-License-Identifier: Apache-2.0
"""A sum of terms: each by hand, each to be read, each with its gradient."""

from __future__ import annotations

import doctest
import math

import pytest
import torch
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.losses import MultiTermLoss, multi_term


class PerImage(nn.Module):
    """Not reduced, [B]."""

    def forward(self, pred, target):
        return (pred - target).square().flatten(1).sum(dim=1)


class Refusing(nn.Module):
    def forward(self, pred, target):
        raise AssertionError("a term that is off was computed")


def test_the_total_is_the_weighted_sum_and_each_term_is_published():
    pred, target = torch.rand(3, 2, 5, 4), torch.rand(3, 2, 5, 4)
    loss = MultiTermLoss({"l1": nn.L1Loss(), "l2": nn.MSELoss(), "all": PerImage()}, {"l2": 0.25, "all": 1e-3})
    assert loss.terms == {}
    total = loss(pred, target)
    difference = (pred.double() - target.double()).numpy()
    by_hand = {"l1": abs(difference).mean(), "l2": (difference**2).mean(), "all": (difference**2).sum() / 3}
    assert total.ndim == 0 and list(loss.terms) == ["l1", "l2", "all"]
    assert loss.terms == pytest.approx(by_hand)
    assert total.item() == pytest.approx(by_hand["l1"] + 0.25 * by_hand["l2"] + 1e-3 * by_hand["all"])
    loss(pred, pred)
    assert loss.terms == {"l1": 0, "l2": 0, "all": 0}


def test_the_gradient_of_each_term_arrives_with_its_weight():
    pred, target = torch.rand(2, 1, 4, 4, requires_grad=True), torch.rand(2, 1, 4, 4)
    terms, weights = {"l1": nn.L1Loss(), "l2": nn.MSELoss()}, {"l1": 0.5, "l2": 3.0}
    (found,) = torch.autograd.grad(MultiTermLoss(terms, weights)(pred, target), pred)
    each = {name: torch.autograd.grad(term(pred, target), pred)[0] for name, term in terms.items()}
    torch.testing.assert_close(found, 0.5 * each["l1"] + 3 * each["l2"])
    assert all(gradient.abs().sum() > 0 for gradient in each.values())


def test_a_term_of_weight_zero_is_not_computed():
    loss = MultiTermLoss({"l1": nn.L1Loss(), "costly": Refusing()}, {"costly": 0})
    loss(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    assert loss.terms == {"l1": 1.0} and loss.weights == {"l1": 1.0}


def test_what_is_published_holds_no_graph_and_waits_for_its_reader():
    pred = torch.rand(1, 1, 2, 2, requires_grad=True)
    loss = MultiTermLoss({"l1": nn.L1Loss()})
    loss(pred, torch.zeros_like(pred))
    assert not any(value.requires_grad for value in loss.term_values.values())
    assert all(isinstance(value, float) for value in loss.terms.values())


def test_half_precision_terms_are_summed_in_single():
    pred = torch.full((1, 1, 2, 2), 1.0).bfloat16()
    loss = MultiTermLoss({"a": nn.L1Loss(), "b": nn.MSELoss()}, {"b": 1e-4})
    total = loss(pred, torch.zeros_like(pred))
    assert total.dtype == torch.float32 and total.item() == pytest.approx(1.0001, abs=1e-6)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"l3": 1.0}, "'l3' is unknown"),
        ({"l1": -1}, "l1 is -1"),
        ({"l1": math.nan}, "l1 is nan"),
        ({"l1": math.inf}, "l1 is inf"),
        ({"l1": "1"}, "l1 is '1'"),
        ({"l1": True}, "l1 is True"),
        ({"l1": 0, "l2": 0}, "every loss term"),
    ],
)
def test_unusable_weights_are_named(weights, words):
    with pytest.raises(InputError, match=words):
        MultiTermLoss({"l1": nn.L1Loss(), "l2": nn.MSELoss()}, weights)


def test_the_example_in_the_docstring():
    assert doctest.testmod(multi_term, extraglobs={"nn": nn, "torch": torch}).failed == 0
