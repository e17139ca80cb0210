# SPDX-License-Identifier: Apache-2.0
"""A residual discriminator without normalisation, in two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers import Pool
from torch import nn
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks.padding import repeat_to_even

__all__ = ["ResidualDiscriminator"]


class _DownBlock(nn.Module):
    """LeakyReLU - conv3 - halving - LeakyReLU - conv3, plus a halved shortcut; over √2, so that variance stays."""

    def __init__(self, spatial_dims: int, before: int, channels: int) -> None:
        super().__init__()
        self.conv1 = Convolution(spatial_dims, before, before, conv_only=True)
        self.conv2 = Convolution(spatial_dims, before, channels, conv_only=True)
        self.shortcut = Convolution(spatial_dims, before, channels, kernel_size=1, conv_only=True, bias=False)
        self.pool = Pool[Pool.AVG, spatial_dims](2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self._halved(self.conv1(F.leaky_relu(x, 0.2)))
        out = self.conv2(F.leaky_relu(out, 0.2))
        return (out + self._halved(self.shortcut(x))) / math.sqrt(2)

    def _halved(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool(repeat_to_even(x))


class ResidualDiscriminator(nn.Module):
    """Say of whole images whether they are of the high-quality domain.

    The discriminator of StarGAN v2 (Choi et al., CVPR 2020), which HQG-Net's predecessor uses, for one domain: a 3×3
    convolution, one residual block per halving, LeakyReLU, one logit. Nothing is normalised, so that an image's logit
    depends on it alone, which the R1 penalty needs. There a 4×4 convolution reads what six halvings leave of 256
    pixels; here the last features' mean is read, so that any image size works.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        channels: widths, the first at full size, each further one after a halving.

    Raises:
        InputError: an argument does not fit.

    Example:
        >>> ResidualDiscriminator(channels=(4, 8))(torch.zeros(2, 1, 21, 30)).shape
        torch.Size([2, 1])
    """

    def __init__(
        self, spatial_dims: int = 2, in_channels: int = 1, channels: Sequence[int] = (64, 128, 256, 512, 512, 512, 512)
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise InputError(f"the discriminator's spatial_dims is {spatial_dims!r}; use 2 or 3.")
        if len(channels) < 2 or min(channels) < 1:
            raise InputError(f"the discriminator's channels are {list(channels)}; give two or more, each above 0.")
        blocks = (_DownBlock(spatial_dims, before, here) for before, here in pairwise(channels))
        self.features = nn.Sequential(Convolution(spatial_dims, in_channels, channels[0], conv_only=True), *blocks)
        self.tail = nn.Linear(channels[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [B, 1], above 0 for real, of images x [B, in_channels, *spatial] in [0, 1]."""
        return self.tail(F.leaky_relu(self.features(2 * x - 1), 0.2).flatten(2).mean(dim=2))
