# SPDX-License-Identifier: Apache-2.0
"""Padding to a multiple, and back."""

from __future__ import annotations

import pytest
import torch

from monai_gradprom.networks import crop_padding, pad_to_multiple


@pytest.mark.parametrize("sides", [(1,), (72, 100), (64, 33), (5, 16, 31)])
@pytest.mark.parametrize("multiple", [1, 16, 32])
def test_round_trip(sides, multiple):
    x = torch.rand(2, 3, *sides)
    padded, widths = pad_to_multiple(x, multiple)
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


def test_mode_is_passed_on():
    padded, _ = pad_to_multiple(torch.tensor([[[1.0, 2.0, 3.0]]]), 5, mode="replicate")
    assert padded.flatten().tolist() == [1, 1, 2, 3, 3]
