# SPDX-License-Identifier: Apache-2.0
"""Normalisation whose affine parameters come from a cue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

__all__ = ["GuidedNorm"]


class GuidedNorm(nn.Module):
    """AdaLIN: a mixture of instance and layer normalisation, scaled and shifted by what a cue says.

    ``(1 + γ(z)) · (ρ · IN(x) + (1 - ρ) · LN(x)) + β(z)``, from Kim et al., "U-GAT-IT", ICLR 2020; HQG-Net puts it into
    its decoder. IN takes mean and variance of each channel over space, LN over channels and space, both of one image;
    nothing is shared between the images of a batch. γ and β are linear in z; ρ, per channel, is learned and starts at
    0.9. The paper keeps ρ in [0, 1] by clipping it after each update; here it is a sigmoid, so that any optimizer does.

    Statistics are of the whole image, so that a network with this layer has no finite receptive field.

    Args:
        spatial_dims: 2 or 3.
        channels: of the features.
        cue_channels: length of the cue z.
    """

    if TYPE_CHECKING:
        mixture: nn.Parameter

    def __init__(self, spatial_dims: int, channels: int, cue_channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(cue_channels, 2 * channels)
        self.mixture = nn.Parameter(torch.full((1, channels, *[1] * spatial_dims), 2.2))  # sigmoid(2.2) = 0.9

    def forward(self, x: torch.Tensor, cue: torch.Tensor) -> torch.Tensor:
        """Normalise.

        Args:
            x: [B, channels, *spatial].
            cue: z, [B, cue_channels].

        Returns:
            [B, channels, *spatial].
        """
        rho = torch.sigmoid(self.mixture)
        mixed = rho * _standardised(x, 2) + (1 - rho) * _standardised(x, 1)
        gamma, beta = self.affine(cue).view([x.shape[0], -1] + [1] * (x.ndim - 2)).chunk(2, dim=1)
        return (1 + gamma) * mixed + beta


def _standardised(x: torch.Tensor, first: int) -> torch.Tensor:
    """To mean 0 and variance 1 over the axes from ``first`` on."""
    axes = list(range(first, x.ndim))
    mean = x.mean(dim=axes, keepdim=True)
    centred = x - mean
    # in this order, as the variance of half precision overflows easily
    return centred * torch.rsqrt(centred.square().mean(dim=axes, keepdim=True) + 1e-5)
