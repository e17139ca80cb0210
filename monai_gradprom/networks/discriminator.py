# SPDX-License-Identifier: Apache-2.0
"""The discriminator of Deep Perceptual Enhancement, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from torch import nn

from monai_gradprom.errors import InputError

__all__ = ["PerceptualDiscriminator"]


class PerceptualDiscriminator(nn.Module):
    """Say of whole images whether they are real or enhanced.

    Sharif et al., "Deep Perceptual Enhancement for Medical Image Analysis", IEEE JBHI 26(10), 2022. Per width two 3×3
    convolutions, the second of stride 2, each with batch normalisation (the very first without) and swish; a 1×1
    convolution to one channel; its mean over the image. The mean makes any image size work, though in training batch
    normalisation must be left more than one value per channel.

    What is returned are logits: the paper's sigmoid is part of the loss, where it is stable and safe under autocast.
    Convolutions before a normalisation have no bias, which the normalisation would take away again. The released code
    pads its 1×1 convolution, which mixes a border of bias into the mean; here nothing is padded there.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        channels: widths.

    Raises:
        InputError: an argument does not fit.

    Example:
        >>> PerceptualDiscriminator(channels=(4, 8))(torch.zeros(2, 1, 21, 30)).shape
        torch.Size([2, 1])
    """

    def __init__(
        self, spatial_dims: int = 2, in_channels: int = 1, channels: Sequence[int] = (64, 128, 256, 512)
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            raise InputError(f"the discriminator's spatial_dims is {spatial_dims!r}; use 2 or 3.")
        if not channels or min(channels) < 1:
            raise InputError(
                f"the discriminator's channels are {list(channels)}; give one width or more, each above 0."
            )
        layers: list[nn.Module] = []
        before = in_channels
        for width in channels:
            for stride in (1, 2):
                norm, bias = ("batch", False) if layers else (None, True)
                layers.append(
                    Convolution(spatial_dims, before, width, stride, 3, "NA", "memswish", norm, bias=bias),
                )
                before = width
        self.features = nn.Sequential(*layers)
        self.tail = Convolution(spatial_dims, before, 1, kernel_size=1, conv_only=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [B, 1], above 0 for real, of images x [B, in_channels, *spatial] in [0, 1]."""
        return self.tail(self.features(2 * x - 1)).flatten(2).mean(dim=2)
