# SPDX-License-Identifier: Apache-2.0
"""Adversarial guidance: what the discriminator learns from, and what the enhancer learns from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from monai_gradprom.errors import InputError

__all__ = ["AdversarialGuidance", "SoftLabelAdversarialLoss"]


class SoftLabelAdversarialLoss(nn.Module):
    """Binary cross-entropy of a discriminator's logits, with labels drawn for each image in the discriminator's turn.

    Deep Perceptual Enhancement's: real images are labelled U(0.7, 1.2), enhanced ones U(0, 0.3), and the enhancer aims
    at 1. Labels above 1 are the authors'; torch's ``BCELoss``, and so MONAI's ``PatchAdversarialLoss("bce")``, refuses
    them, and autocast. On logits both work, and the formula, ``-t log p - (1 - t) log(1 - p)``, is the same. It can
    be negative; for real images it is least, on average, at p = 0.95, the mean of their labels. It is called as
    ``PatchAdversarialLoss`` is, whose "hinge" and "least_squares" can take its place.

    Args:
        real: range (low, high) of the labels of real images.
        fake: range of the labels of enhanced ones.

    Raises:
        InputError: a range is none, or the ranges overlap.
    """

    def __init__(self, real: Sequence[float] = (0.7, 1.2), fake: Sequence[float] = (0.0, 0.3)) -> None:
        super().__init__()
        if not (len(real) == len(fake) == 2 and fake[0] <= fake[1] < real[0] <= real[1]):
            raise InputError(
                f"the discriminator's labels are {list(real)} (real) and {list(fake)} (fake); give pairs (low, high), "
                "all of real above all of fake."
            )
        self.real, self.fake = tuple(real), tuple(fake)

    def forward(self, logits: torch.Tensor, target_is_real: bool, for_discriminator: bool) -> torch.Tensor:
        """Compute the mean over all logits.

        Args:
            logits: of a discriminator, any shape.
            target_is_real: whether the discriminator shall call these images real.
            for_discriminator: False for the enhancer, which always wants 1.

        Returns:
            A scalar.

        Raises:
            ValueError: ``target_is_real`` is False for the enhancer.
        """
        if not for_discriminator and not target_is_real:
            raise ValueError("the enhancer wants its images called real: set target_is_real=True.")
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if not for_discriminator:
            return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        labels = torch.empty_like(logits).uniform_(*(self.real if target_is_real else self.fake))
        return F.binary_cross_entropy_with_logits(logits, labels)


class AdversarialGuidance(nn.Module):
    """Both sides of the game between an enhancer and a discriminator.

    Real and enhanced images go through the discriminator in one batch. The released code takes one kind after the
    other; batch normalisation then takes away from each what its images have in common, so that a discriminator which
    ends in a mean over the image hardly tells dark ones from bright ones.

    As a term of a loss it is the enhancer's side, which sends no gradient to the discriminator's parameters: it may be
    differentiated by ``backward()`` without disturbing the discriminator's own. In training mode each pass updates the
    discriminator's batch-normalisation statistics, as in the released code.

    Args:
        discriminator: maps images [B, C, *spatial] to logits [B, ...]; a part of this module, so it moves to a device
            with it.
        loss: called with (logits, target_is_real, for_discriminator), such as MONAI's ``PatchAdversarialLoss``;
            default: :class:`SoftLabelAdversarialLoss`, the paper's.
        together: False takes real and enhanced images one after the other, as the released code does.
    """

    def __init__(self, discriminator: nn.Module, loss: nn.Module | None = None, together: bool = True) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.loss = SoftLabelAdversarialLoss() if loss is None else loss
        self.together = together

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The enhancer's loss: how far the discriminator is from calling ``pred`` real.

        Args:
            pred: [B, C, *spatial] in [0, 1], enhanced, with its graph.
            target: the clean images, beside which the discriminator sees them.

        Returns:
            A scalar.
        """
        fixed = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}

        def judge(images: torch.Tensor) -> torch.Tensor:
            return functional_call(self.discriminator, fixed, (images,))

        logits = judge(torch.cat([target.detach(), pred]))[len(target) :] if self.together else judge(pred)
        return self.loss(logits, True, False)

    def discriminator_loss(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The discriminator's loss: the sum over real and enhanced images; no gradient reaches the enhancer.

        Args:
            pred: [B, C, *spatial] in [0, 1], enhanced.
            target: the clean images.

        Returns:
            A scalar.
        """
        if self.together:
            logits = self.discriminator(torch.cat([target.detach(), pred.detach()]))
            real, fake = logits[: len(target)], logits[len(target) :]
        else:
            real, fake = self.discriminator(target.detach()), self.discriminator(pred.detach())
        return self.loss(real, True, True) + self.loss(fake, False, True)
