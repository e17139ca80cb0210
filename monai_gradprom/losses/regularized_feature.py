# SPDX-License-Identifier: Apache-2.0
"""The regularised feature loss of Deep Perceptual Enhancement."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["RegularizedFeatureLoss", "gradient_difference"]


def gradient_difference(pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The regulariser: how much the differences between neighbours differ, ``(Σ|∂x(ŷ−Y)| + Σ|∂y(ŷ−Y)|) / N``.

    Args:
        pred: [B, C, *spatial].
        target: of the same shape.

    Returns:
        A scalar >= 0, per value (N of them) of the image; 0 where the images differ by a constant.
    """
    difference = pred - target
    steps = [difference.diff(dim=axis).abs().sum() for axis in range(2, difference.ndim)]
    return torch.stack(steps).sum() / difference.numel()


class RegularizedFeatureLoss(nn.Module):
    """Mean absolute difference of features, times a regulariser, :func:`gradient_difference`.

    Sharif et al., "Deep Perceptual Enhancement for Medical Image Analysis", IEEE JBHI 26(10), 2022.
    Regulariser and feature difference are multiplied, as in the released code, and gradient flows through both. The
    product is zero as soon as one factor is: an offset in brightness alone costs nothing here, so that a reconstruction
    term belongs beside this one. Gradient flows into ``pred`` only.

    What differs from the released code: images are in [0, 1], which halves the regulariser against [-1, 1], and are
    normalised as ImageNet's before the feature network, which the released code leaves out.

    Args:
        features: maps images [B, C, H, W] to features, such as a
            :class:`~monai_gradprom.networks.FeatureNetwork`, frozen.
    """

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Compare images.

        Args:
            pred: [B, C, H, W] in [0, 1], the enhanced images.
            target: the clean images, of the same shape.

        Returns:
            A scalar >= 0.

        Raises:
            ValueError: the shapes differ, or the feature network does not take them.
        """
        if pred.shape != target.shape:
            raise ValueError(f"pred is {list(pred.shape)} but target {list(target.shape)}; give the same shape.")
        with torch.no_grad():
            wanted = self.features(target)
        difference = F.l1_loss(_single(self.features(pred)), _single(wanted))
        return gradient_difference(_single(pred), _single(target.detach())) * difference


def _single(x: torch.Tensor) -> torch.Tensor:
    # sums over images and products of small numbers, which half precision would lose
    return x.to(torch.promote_types(x.dtype, torch.float32))
