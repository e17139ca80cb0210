# SPDX-License-Identifier: Apache-2.0
"""From a high-quality image to the vector that guides by it, and a memory of such vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from monai.networks.blocks import Convolution
from torch import nn

__all__ = ["GuidanceBank", "GuidanceEncoder"]


class GuidanceEncoder(nn.Module):
    """Strided convolutions and a mean over the image: a vector v_z that says how an image looks, not what it shows.

    Four 3×3 convolutions of stride 2 with LeakyReLU 0.2, the mean over the image, one linear layer. Nothing is
    normalised, since that would take away what a guide is asked for: its levels, its contrast, its texture.

    Args:
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
        width: of the first convolution; the following have twice and four times as many.
        guide_channels: length of v_z.
    """

    def __init__(self, spatial_dims: int, in_channels: int, width: int, guide_channels: int) -> None:
        super().__init__()
        layers: list[Any] = []
        before = in_channels
        for channels in (width, 2 * width, 4 * width, 4 * width):
            act = ("leakyrelu", {"negative_slope": 0.2})
            layers.append(Convolution(spatial_dims, before, channels, 2, 3, "NA", act, None))
            # torch's default would leave so little of the guide that its cue drowned in the sampling at first
            nn.init.kaiming_normal_(layers[-1].conv.weight, a=0.2)
            before = channels
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(before, guide_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return v_z [B, guide_channels] of images x [B, in_channels, *spatial] in [0, 1], of any size."""
        return self.head(self.features(2 * x - 1).flatten(2).mean(dim=2))


class GuidanceBank(nn.Module):
    """The last guidance vectors that training has seen, kept in the state dict: what guides where no guide is given.

    Args:
        size: how many vectors are kept; a further one takes the place of the oldest.
        guide_channels: length of a vector.
    """

    if TYPE_CHECKING:
        vectors: torch.Tensor
        count: torch.Tensor

    def __init__(self, size: int, guide_channels: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(size, guide_channels))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self) -> torch.Tensor:
        """Return the mean vector, [guide_channels]; zeros while nothing is stored."""
        size = self.vectors.shape[0]
        return self.vectors.sum(dim=0) / self.count.clamp(1, size)

    @torch.no_grad()
    def store(self, vectors: torch.Tensor) -> None:
        """Keep vectors [B, guide_channels], of more than fit the last ones."""
        size = self.vectors.shape[0]
        newest = vectors.detach()[-size:].to(self.vectors.dtype)
        # no number is read back: nothing waits for the device, and torch.compile sees one graph
        self.count += len(vectors) - len(newest)
        places = (self.count + torch.arange(len(newest), device=self.count.device)) % size
        self.vectors.index_copy_(0, places, newest)
        self.count += len(newest)
