# SPDX-License-Identifier: Apache-2.0
"""A decoder block of HQG-Net."""

from __future__ import annotations

import torch
from monai.networks.blocks import Convolution
from torch import nn
from torch.nn import functional as F

from monai_gradprom.networks.guided_norm import GuidedNorm

__all__ = ["GuidedBlock"]


class GuidedBlock(nn.Module):
    """Twice the resolution, plus the encoder's features there, then AdaLIN - LeakyReLU 0.2 - conv3 and a skip.

    Args:
        spatial_dims: 2 or 3.
        below: channels of the features from below.
        beside: channels of the encoder's features at the block's own resolution.
        channels: of the result.
        cue_channels: length of the cue.
    """

    def __init__(self, spatial_dims: int, below: int, beside: int, channels: int, cue_channels: int) -> None:
        super().__init__()
        self.below = Convolution(spatial_dims, below, channels, kernel_size=1, conv_only=True)
        self.beside = Convolution(spatial_dims, beside, channels, kernel_size=1, conv_only=True)
        self.norm = GuidedNorm(spatial_dims, channels, cue_channels)
        self.conv = Convolution(spatial_dims, channels, channels, conv_only=True)

    def forward(self, below: torch.Tensor, beside: torch.Tensor, cue: torch.Tensor) -> torch.Tensor:
        """Decode.

        Args:
            below: [B, below, *spatial / 2].
            beside: [B, beside, *spatial].
            cue: [B, cue_channels].

        Returns:
            [B, channels, *spatial].
        """
        # projected before it is enlarged, at a fraction of the work; nearest, as its backward is deterministic on CUDA
        x = F.interpolate(self.below(below), scale_factor=2.0, mode="nearest") + self.beside(beside)
        return x + self.conv(F.leaky_relu(self.norm(x, cue), 0.2))
