# SPDX-License-Identifier: Apache-2.0
"""The residual block of SRResNet and DPENet."""

from __future__ import annotations

import torch
from monai.networks.blocks import Convolution
from torch import nn

__all__ = ["ResidualBlock"]


class ResidualBlock(nn.Module):
    """conv3 - norm - PReLU - conv3 - norm, plus the input; an output pixel sees 2 pixels to either side.

    Args:
        spatial_dims: 2 or 3.
        channels: of input and output.
        norm: normalisation, as MONAI names it, or None.
    """

    def __init__(self, spatial_dims: int, channels: int, norm: str | tuple | None = None) -> None:
        super().__init__()
        self.conv1 = Convolution(spatial_dims, channels, channels, norm=norm, act="prelu")
        self.conv2 = Convolution(spatial_dims, channels, channels, norm=norm, act=None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return [B, channels, *spatial] for x of the same shape."""
        return x + self.conv2(self.conv1(x))
