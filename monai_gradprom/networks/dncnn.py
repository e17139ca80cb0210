# SPDX-License-Identifier: Apache-2.0
"""DnCNN: the plain residual denoiser that later ones are compared with."""

from __future__ import annotations

import torch
from monai.networks.blocks import Convolution
from torch import nn

from monai_gradprom.errors import InputError

__all__ = ["DnCNN"]


class DnCNN(nn.Module):
    """Denoiser without scales or skips, which estimates the noise and subtracts it.

    Zhang et al., "Beyond a Gaussian denoiser: residual learning of deep CNN for image denoising", IEEE TIP 26, 2017,
    figure 1: a 3×3 convolution and ReLU; ``depth - 2`` times a 3×3 convolution without bias, batch normalisation, ReLU;
    a 3×3 convolution. Depth 17 is DnCNN-S, 20 DnCNN-B. Unlike there, the last convolution begins with zeros, so that an
    untrained network returns its input, as SRResNet with a global residual does.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image; ``out_channels`` is the same.
        out_channels: must equal ``in_channels``; here so that bundles can exchange their enhancers.
        channels: width.
        depth: number of convolutions, at least 3.

    Attributes:
        receptive_radius: ``depth`` pixels: how far an output pixel sees in evaluation mode.
        size_multiple: 1, any input size works.

    Raises:
        InputError: an argument does not fit.

    Example:
        >>> DnCNN(channels=8, depth=5)(torch.zeros(1, 1, 20, 31)).shape
        torch.Size([1, 1, 20, 31])
    """

    def __init__(
        self, spatial_dims: int = 2, in_channels: int = 1, out_channels: int = 1, channels: int = 64, depth: int = 17
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise InputError(f"DnCNN's spatial_dims is {spatial_dims!r}; use 2 or 3.")
        if out_channels != in_channels:
            raise InputError(
                f"DnCNN subtracts noise from its input, but in_channels is {in_channels} and out_channels is "
                f"{out_channels}; make them equal."
            )
        if depth < 3:
            raise InputError(f"DnCNN's depth is {depth!r}; it needs at least 3 convolutions.")
        self.receptive_radius = depth
        self.size_multiple = 1
        self.head = Convolution(spatial_dims, in_channels, channels, norm=None, act="relu")
        self.body = nn.Sequential(*(_layer(spatial_dims, channels) for _ in range(depth - 2)))
        self.tail = Convolution(spatial_dims, channels, in_channels, conv_only=True)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Denoise a batch.

        Args:
            x: [B, in_channels, *spatial], intensities in [0, 1].

        Returns:
            of the same shape; not clamped.
        """
        return x - self.tail(self.body(self.head(x)))


def _layer(spatial_dims: int, channels: int) -> nn.Module:
    return Convolution(spatial_dims, channels, channels, adn_ordering="NA", norm="batch", act="relu", bias=False)
