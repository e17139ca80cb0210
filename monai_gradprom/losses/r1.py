# SPDX-License-Identifier: Apache-2.0
"""Adversarial guidance without pairs, under the R1 penalty."""

from __future__ import annotations

import math

import torch
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.losses.adversarial import AdversarialGuidance, SoftLabelAdversarialLoss
from monai_gradprom.losses.unpaired import UnpairedTarget, reference_of

__all__ = ["DomainGuidance", "r1_penalty"]


def r1_penalty(discriminator: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Half the squared norm of the discriminator's gradient at real images, their mean: ``½ E ‖∇D(x)‖²``.

    Mescheder et al., "Which training methods for GANs do actually converge?", ICML 2018, equation 9, with γ = 1. It is
    computed without autocast, since a squared gradient leaves half precision's range.

    Args:
        discriminator: maps images to logits, each image's depending on it alone.
        images: real ones, [B, C, *spatial].

    Returns:
        A scalar >= 0 with a graph over the discriminator's parameters.
    """
    with torch.autocast(images.device.type, enabled=False), torch.enable_grad():
        x = images.detach().to(torch.promote_types(images.dtype, torch.float32)).requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(dim=1).mean()


class DomainGuidance(AdversarialGuidance):
    """Both sides of the game between an enhancer and a discriminator that knows the high-quality domain.

    HQG-Net's: binary cross-entropy with labels 1 and 0, and :func:`r1_penalty`, as in StarGAN v2. Real images are the
    references of an :class:`~monai_gradprom.losses.UnpairedTarget`, which show something else than the enhanced ones
    and may be of another size; each kind goes through the discriminator by itself.

    Args:
        discriminator: maps images [B, C, *spatial] to logits [B, ...], such as a
            :class:`~monai_gradprom.networks.ResidualDiscriminator`; a part of this module.
        r1_weight: of the penalty, 1 in the paper; 0 turns it off.
        loss: as in :class:`AdversarialGuidance`; default: cross-entropy with labels 1 and 0.

    Attributes:
        term_values: ``{"r1": the last penalty}`` as a tensor, without its weight; empty before, and where it is off.

    Raises:
        InputError: ``r1_weight`` is no number >= 0.
    """

    def __init__(self, discriminator: nn.Module, r1_weight: float = 1.0, loss: nn.Module | None = None) -> None:
        if isinstance(r1_weight, bool) or not isinstance(r1_weight, (int, float)) or not 0 <= r1_weight < math.inf:
            raise InputError(f"r1_weight is {r1_weight!r}; give a number >= 0, 0 for off.")
        loss = SoftLabelAdversarialLoss((1.0, 1.0), (0.0, 0.0)) if loss is None else loss
        super().__init__(discriminator, loss, together=False)
        self.r1_weight = float(r1_weight)
        self.term_values: dict[str, torch.Tensor] = {}

    def forward(self, pred: torch.Tensor, target: torch.Tensor | UnpairedTarget) -> torch.Tensor:
        """The enhancer's loss: how far the discriminator is from calling ``pred`` real.

        Args:
            pred: [B, C, *spatial] in [0, 1], enhanced, with its graph.
            target: not looked at.

        Returns:
            A scalar.
        """
        return super().forward(pred, reference_of(target))

    def discriminator_loss(self, pred: torch.Tensor, target: torch.Tensor | UnpairedTarget) -> torch.Tensor:
        """The discriminator's loss, penalty included; no gradient reaches the enhancer.

        Args:
            pred: [B, C, *spatial] in [0, 1], enhanced.
            target: whose reference is real, or real images themselves.

        Returns:
            A scalar.
        """
        reference = reference_of(target)
        loss = super().discriminator_loss(pred, reference)
        if not self.r1_weight:
            return loss
        penalty = r1_penalty(self.discriminator, reference)
        self.term_values = {"r1": penalty.detach()}
        return loss + self.r1_weight * penalty
