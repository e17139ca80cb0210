# SPDX-License-Identifier: Apache-2.0
"""The cue of a high-quality image as a distribution."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["VariationalCue", "gaussian_divergence"]


def gaussian_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, exp(log_variance)) ‖ N(0, 1)), summed over dimensions, averaged over the batch.

    ``½ Σ (μ² + σ² - 1 - log σ²)`` (Kingma and Welling, ICLR 2014, appendix B).

    Args:
        mean: μ, [B, D].
        log_variance: log σ², of the same shape.

    Returns:
        A scalar >= 0, in float32 or wider.
    """
    dtype = torch.promote_types(mean.dtype, torch.float32)
    mu, log = mean.to(dtype), log_variance.to(dtype)
    return 0.5 * (mu.square() + log.exp() - 1 - log).sum(dim=1).mean()


class VariationalCue(nn.Module):
    """Mean and log-variance heads over what two images say, HQG-Net's step from features to a distribution.

    The guidance vector v_z of a high-quality image and the vector v_y of the image to enhance are concatenated; two
    linear heads give μ and log σ². Log-variances are kept within ±10, where half precision holds their exponential.

    Args:
        guide_channels: length of v_z.
        image_channels: length of v_y.
        cue_channels: length of the cue z.
    """

    def __init__(self, guide_channels: int, image_channels: int, cue_channels: int) -> None:
        super().__init__()
        self.bound = 10.0
        self.mean = nn.Linear(guide_channels + image_channels, cue_channels)
        self.log_variance = nn.Linear(guide_channels + image_channels, cue_channels)

    def forward(self, guide: torch.Tensor, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return μ and log σ², both [B, cue_channels], for v_z [B, guide_channels] and v_y [B, image_channels]."""
        both = torch.cat([guide, image], dim=1)
        return self.mean(both), self.log_variance(both).clamp(-self.bound, self.bound)
