# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.networks.nets import UNet
from torch import nn

from monai_gradprom.inferers import PaddedInferer


def test_a_unet_takes_any_size():
    network = UNet(2, 1, 1, channels=[4, 8, 8], strides=[2, 2]).eval()
    image = torch.rand(2, 1, 37, 46)
    with pytest.raises(RuntimeError):
        network(image)
    assert PaddedInferer(4)(image, network).shape == image.shape


@pytest.mark.parametrize("size", [(37, 46), (40, 45), (8, 9, 10)])
def test_the_border_is_repeated(size):
    """As a convolution sees it that repeats the border itself; no black frame is drawn back into the image."""
    conv = nn.Conv2d if len(size) == 2 else nn.Conv3d
    network = conv(1, 2, 3, padding=1, padding_mode="replicate").double()
    image = torch.rand(1, 1, *size, dtype=torch.float64)
    torch.testing.assert_close(PaddedInferer(16)(image, network), network(image))


@pytest.mark.parametrize("multiple, size, seen", [(1, (5, 7), (5, 7)), (4, (8, 12), (8, 12)), (4, (8, 13), (8, 16))])
def test_only_what_must_be_is_padded(multiple, size, seen):
    def network(x, scale, offset=0.0):
        assert x.shape[2:] == seen
        return scale * x + offset

    image = torch.rand(1, 1, *size)
    torch.testing.assert_close(PaddedInferer(multiple)(image, network, 2.0, offset=1.0), 2 * image + 1)
