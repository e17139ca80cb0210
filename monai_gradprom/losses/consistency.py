# SPDX-License-Identifier: Apache-2.0
"""The loss of an unsupervised recognizer."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["ConsistencyLoss"]


class ConsistencyLoss(nn.Module):
    """Mean squared error between what a recognizer says of the enhanced and of the clean image.

    GradProm's equation 3, ``L_VR = F(VR(ŷ), VR(Y))``, with the F of ESTR (Liu et al., "Exploring simple and
    transferable recognition-aware image processing", 2019): the mean over batch, classes and pixels of the squared
    difference of class probabilities. It needs no semantic label.

    Gradient flows into both arguments; pass the target detached if it shall not be learnt from.

    Example:
        >>> ConsistencyLoss()(torch.tensor([[100.0, 0.0]]), torch.tensor([[0.0, 100.0]])).item()
        1.0
    """

    def forward(self, logits: torch.Tensor, target_logits: torch.Tensor) -> torch.Tensor:
        """Compare two sets of logits.

        Args:
            logits: [B, K] or [B, K, *spatial], of the enhanced image; K > 1 classes in dimension 1.
            target_logits: of the clean image, of the same shape.

        Returns:
            A scalar in [0, 2 / K].

        Raises:
            ValueError: the shapes differ, or there are fewer than two classes (whose softmax is always 1).
        """
        if logits.shape != target_logits.shape:
            raise ValueError(
                f"logits are {list(logits.shape)} but target_logits {list(target_logits.shape)}; give the same shape."
            )
        if logits.ndim < 2 or logits.shape[1] < 2:
            raise ValueError(f"logits are {list(logits.shape)}; dimension 1 must hold two classes or more.")
        return F.mse_loss(_probabilities(logits), _probabilities(target_logits))


def _probabilities(logits: torch.Tensor) -> torch.Tensor:
    # half precision would lose small probabilities outside autocast
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(dim=1)
