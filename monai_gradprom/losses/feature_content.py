# SPDX-License-Identifier: Apache-2.0
"""The feature-level content term: what several encoders see."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.losses.unpaired import UnpairedTarget, source_of

__all__ = ["FeatureContentLoss"]


class FeatureContentLoss(nn.Module):
    """Mean absolute difference of normalised features, the mean over several frozen encoders.

    HQG-Net's multi-encoder feature-level term: encoders that were trained for different things agree on content more
    than any single one. The paper's summary does not name them; any will do. Each channel of an image's features is
    brought to mean 0 and variance 1 over the image before it is compared: these statistics carry an image's style
    (Huang and Belongie, ICCV 2017), which is meant to change. Gradient flows into ``pred`` only.

    Args:
        encoders: by name; each maps images [B, C, H, W] to features [B', F, H', W'], such as a
            :class:`~monai_gradprom.networks.FeatureNetwork`, frozen.

    Raises:
        InputError: there is none.
    """

    def __init__(self, encoders: Mapping[str, nn.Module]) -> None:
        super().__init__()
        if not encoders:
            raise InputError("the feature term has no encoder to compare with: give one or more, or weight 0.")
        self.encoders = nn.ModuleDict(encoders)

    def forward(self, pred: torch.Tensor, target: torch.Tensor | UnpairedTarget) -> torch.Tensor:
        """Compare images.

        Args:
            pred: [B, C, H, W] in [0, 1], the enhanced images.
            target: an :class:`~monai_gradprom.losses.UnpairedTarget`, whose source counts, or images of that shape.

        Returns:
            A scalar >= 0, in float32 or wider.

        Raises:
            ValueError: the shapes differ, or an encoder does not take them.
        """
        source = source_of(target)
        if pred.shape != source.shape:
            raise ValueError(f"pred is {list(pred.shape)} and its source {list(source.shape)}; give the same shape.")
        terms = []
        for encoder in self.encoders.values():
            with torch.no_grad():
                wanted = _normalised(encoder(source))
            terms.append(F.l1_loss(_normalised(encoder(pred)), wanted))
        return torch.stack(terms).mean()


def _normalised(features: torch.Tensor) -> torch.Tensor:
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    # 1e-5 as in instance normalisation, which itself refuses a single pixel
    centred = features - features.mean(dim=(2, 3), keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(dim=(2, 3), keepdim=True) + 1e-5)
