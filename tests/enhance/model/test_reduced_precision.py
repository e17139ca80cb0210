# SPDX-License-Identifier: Apache-2.0
"""Networks in 16 bits: the convolutions are, what enters and leaves them is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_bundles import SHIFT, shift_by, write_bundle
from torch import nn

from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.enhance.model.reduced_precision import autocast_dtype, for_reduced_precision
from monai_gradprom.errors import InputError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("precision", "device", "amp", "expected"),
    [
        ("float32", CPU, False, None),
        ("float32", CPU, True, None),
        ("float32", CUDA, True, torch.float16),
        ("bfloat16", CUDA, True, torch.bfloat16),
        ("bfloat16", CPU, False, torch.bfloat16),
        ("float16", CUDA, False, torch.float16),
    ],
)
def test_which_precision_is_meant(precision, device, amp, expected):
    assert autocast_dtype(precision, device, amp) is expected


@pytest.mark.parametrize(("precision", "bits"), [("bfloat16", 8), ("float16", 11)])
def test_values_are_rounded_as_the_precision_says(tmp_path, precision, bits):
    """1 + 2^-k survives a weight of ``bits`` significant bits for k < bits only."""
    weights = shift_by(0.0, 1 + 2.0**-bits)
    folder = write_bundle(tmp_path / "bundle", SHIFT, weights)
    given = np.full((1, 1, 4, 4), 64, np.float32)
    made = {}
    for name in ("float32", precision):
        network = BundleNetwork.load(folder, "cpu", precision=name)
        made[name] = network.infer([given], [(0.0, 256.0)])[0]
        assert made[name].dtype == np.float32
    np.testing.assert_allclose(made["float32"], 64 * (1 + 2.0**-bits), rtol=1e-6)
    assert (made[precision] == 64).all()  # to the bit, since the rest is not rounded
    assert network._network.weight.dtype == torch.float32


def test_weights_of_convolutions_lie_channels_last():
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv3d(2, 3, 3), nn.Linear(2, 3), nn.BatchNorm2d(3))
    before = [parameter.clone() for parameter in network.parameters()]
    assert for_reduced_precision(network) is network
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network[1].weight.is_contiguous(memory_format=torch.channels_last_3d)
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))


def test_what_float16_cannot_hold_is_no_image(tmp_path):
    folder = write_bundle(tmp_path / "bundle", SHIFT, shift_by(0.0, 1e5))
    with pytest.raises(InputError, match=r"NaN or infinity .* use --precision bfloat16"):
        BundleNetwork.load(folder, "cpu", precision="float16")
    BundleNetwork.load(folder, "cpu", precision="bfloat16")
