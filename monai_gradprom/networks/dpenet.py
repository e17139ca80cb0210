# SPDX-License-Identifier: Apache-2.0
"""DPENet: the enhancer of Deep Perceptual Enhancement, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from torch import nn
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.networks.padding import crop_padding, repeat_to_multiple
from monai_gradprom.networks.residual_block import ResidualBlock

__all__ = ["DPENet"]


class _Gate(nn.Module):
    """conv3 · sigmoid(conv3), then LeakyReLU 0.2, both convolutions over a border reflected without the edge pixel."""

    def __init__(self, spatial_dims: int, channels: int) -> None:
        super().__init__()
        # one convolution for both: its first half is the feature, its second half the gate
        self.conv = Convolution(spatial_dims, channels, 2 * channels, padding=0, conv_only=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.leaky_relu(F.glu(self.conv(_reflected(x)), dim=1), 0.2)


class _Encoder(nn.Module):
    """A residual block, whose output goes through the gate as the skip and, at half the resolution, further down."""

    def __init__(self, spatial_dims: int, channels: int, below: int) -> None:
        super().__init__()
        self.block = ResidualBlock(spatial_dims, channels)
        self.gate = _Gate(spatial_dims, channels)
        self.down = Convolution(spatial_dims, channels, below, strides=2, norm=None, act="relu")

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.block(x)
        return self.gate(features), self.down(features)


class _Decoder(nn.Module):
    """Twice the resolution, plus the skip, and a residual block."""

    def __init__(self, spatial_dims: int, below: int, channels: int) -> None:
        super().__init__()
        self.up = Convolution(
            spatial_dims, below, channels, 2, 2, norm=None, act="relu", is_transposed=True, padding=0, output_padding=0
        )
        self.block = ResidualBlock(spatial_dims, channels)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.block(self.up(x) + skip)


class DPENet(nn.Module):
    """Residual encoder-decoder with gated skips for images that are dark, flat and noisy at once.

    Sharif et al., "Deep Perceptual Enhancement for Medical Image Analysis", IEEE JBHI 26(10), 2022.
    3×3 convolution; per level one residual block, a gated skip and a strided convolution; one block at the bottom; per
    level a transposed convolution, to which the skip is added, and one block; 1×1 convolution; ``tanh(out + x)``, on
    images mapped to [-1, 1]. Nothing is normalised and nothing is global: an output pixel sees ``receptive_radius``.

    The released code defines a gate at the bottom and a block before the other blocks that it never runs; neither is
    here. It also leaves out the last block, at full resolution; here every level has its own.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the degraded image.
        out_channels: channels of the enhanced image; as many, because the input is added to the output.
        channels: width of each level, finest first; each further level halves the resolution.

    Attributes:
        receptive_radius: how far, in pixels, an output pixel sees (123 for five levels).
        size_multiple: 2 per halving, so 16. Other sizes work, alone or tiled: the image's border is repeated,
            half before and half after, and cropped off.

    Raises:
        InputError: an argument does not fit.

    Example:
        >>> DPENet(channels=(8, 12, 16))(torch.zeros(1, 1, 21, 30)).shape
        torch.Size([1, 1, 21, 30])
    """

    def __init__(
        self,
        spatial_dims: int = 2,
        in_channels: int = 1,
        out_channels: int = 1,
        channels: Sequence[int] = (64, 96, 128, 160, 192),
    ) -> None:
        super().__init__()
        _check(spatial_dims, in_channels, out_channels, channels)
        halvings = len(channels) - 1
        # plain attributes, not properties: TorchScript keeps them
        self.size_multiple = 2**halvings
        self.receptive_radius = _receptive_radius(halvings)

        levels = list(pairwise(channels))
        self.head = Convolution(spatial_dims, in_channels, channels[0], conv_only=True)
        self.encoders = nn.ModuleList(_Encoder(spatial_dims, here, below) for here, below in levels)
        self.bottom = ResidualBlock(spatial_dims, channels[-1])
        self.decoders = nn.ModuleList(_Decoder(spatial_dims, below, here) for here, below in reversed(levels))
        self.tail = Convolution(spatial_dims, channels[0], out_channels, kernel_size=1, conv_only=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Enhance a batch.

        Args:
            x: [B, C, *spatial], intensities in [0, 1], any size.

        Returns:
            [B, C, *spatial], within [0, 1].
        """
        padded, widths = repeat_to_multiple(x, self.size_multiple)
        signed = 2 * padded - 1
        features = self.head(signed)
        skips: list[torch.Tensor] = []
        for encoder in self.encoders:
            skip, features = encoder(features)
            skips.append(skip)
        features = self.bottom(features)
        for decoder in self.decoders:
            features = decoder(features, skips.pop())
        out = torch.tanh(self.tail(features) + signed)
        return crop_padding((out + 1) / 2, widths)


def _reflected(x: torch.Tensor) -> torch.Tensor:
    """One pixel more on every side, reflected; by slices, as the backward of F.pad is not deterministic on CUDA."""
    for axis in range(2, x.ndim):
        x = torch.cat([x.narrow(axis, 1, 1), x, x.narrow(axis, x.shape[axis] - 2, 1)], dim=axis)
    return x


def _receptive_radius(halvings: int) -> int:
    """Pixels reached beyond its own by the output pixel that reaches furthest, over all places in the stride's grid.

    Walks back from each: a block reaches 2 to either side, a gate 1, a transposed convolution maps pixel p to p // 2, a
    strided one pixel p to 2p and its neighbours; where skip and strided convolution meet, the wider span counts.
    """
    radius = 0
    for pixel in range(2**halvings):
        low = high = pixel
        skips = []
        for _ in range(halvings):
            low, high = low - 2, high + 2
            skips.append((low - 1, high + 1))
            low, high = low // 2, high // 2
        low, high = low - 2, high + 2
        for skip_low, skip_high in reversed(skips):
            low, high = min(2 * low - 1, skip_low) - 2, max(2 * high + 1, skip_high) + 2
        radius = max(radius, pixel - (low - 1), high + 1 - pixel)
    return radius


def _check(spatial_dims: int, in_channels: int, out_channels: int, channels: Sequence[int]) -> None:
    if spatial_dims not in (2, 3):
        raise InputError(f"DPENet's spatial_dims is {spatial_dims!r}; use 2 or 3.")
    if in_channels != out_channels:
        raise InputError(
            f"DPENet adds its input to its output, but in_channels is {in_channels} and out_channels {out_channels}; "
            "make them equal."
        )
    if len(channels) < 2 or min(channels) < 1:
        raise InputError(
            f"DPENet's channels are {list(channels)}; give the widths of two levels or more, each above 0."
        )
