# SPDX-License-Identifier: Apache-2.0
"""Padding to a multiple, and back."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from monai_gradprom.networks import crop_padding, pad_to_multiple, repeat_to_multiple


@pytest.mark.parametrize("sides", [(1,), (72, 100), (64, 33), (5, 16, 31)])
@pytest.mark.parametrize("multiple", [1, 16, 32])
@pytest.mark.parametrize("pad", [pad_to_multiple, repeat_to_multiple])
def test_round_trip(sides, multiple, pad):
    x = torch.rand(2, 3, *sides)
    padded, widths = pad(x, multiple)
    for before, after in zip(sides, padded.shape[2:], strict=True):
        assert after % multiple == 0 and before <= after < before + multiple
    torch.testing.assert_close(crop_padding(padded, widths), x, rtol=0, atol=0)


def test_image_lies_in_the_middle_of_zeros():
    padded, _ = pad_to_multiple(torch.ones(1, 1, 3, 4), 4)
    expected = torch.zeros(1, 1, 4, 4)
    expected[..., :3, :] = 1
    assert torch.equal(padded, expected)
    padded, _ = pad_to_multiple(torch.ones(1, 1, 2), 8)
    assert padded.flatten().tolist() == [0, 0, 0, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("sides", [(3,), (9, 14), (5, 16, 31)])
def test_the_border_is_repeated_as_torch_repeats_it(sides):
    x = torch.rand(2, 3, *sides, requires_grad=True)
    padded, widths = repeat_to_multiple(x, 16)
    expected = F.pad(x, widths, mode="replicate")
    assert torch.equal(padded, expected) and set(padded.shape[2:]) <= {16, 32}
    weights = torch.rand_like(expected)
    gradients = [torch.autograd.grad((weights * out).sum(), x)[0] for out in (padded, expected)]
    torch.testing.assert_close(*gradients)
