# SPDX-License-Identifier: Apache-2.0
"""The objective of Deep Perceptual Enhancement, as a recipe's switches ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from monai_gradprom.losses import AdversarialGuidance, perceptual_objective

from .adversarial import AdversarialTraining
from .switch_rules import as_bool

__all__ = ["PerceptualTraining"]


class PerceptualTraining(AdversarialTraining):
    """Loss function, discriminator and its optimizer, ready for the trainer.

    Args:
        discriminator: maps images to logits. Not used where its term is off.
        optimizer: called with the discriminator's parameters.
        lr_scheduler: called with that optimizer; None for a constant learning rate.
        device: where everything goes.
        memory_format: in which the discriminator goes there, such as ``torch.channels_last``.
        reconstruction_weight: of the L1 term; 0 turns a term off, as for the next two.
        feature_weight: of the regularised feature loss.
        adversarial_weight: of the discriminator's verdict.
        feature_weights: see :func:`~monai_gradprom.losses.perceptual_objective`, also for the two that follow.
        feature_backbone: as there.
        untrained_features: as there; true or false in any usual spelling.

    Attributes:
        loss: the objective.
        adversary: what the trainer trains the discriminator with; None without adversarial term.

    Raises:
        InputError: a weight, backbone or file is unusable.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
        lr_scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
        device: torch.device | str = "cpu",
        memory_format: torch.memory_format = torch.preserve_format,
        reconstruction_weight: float = 1.0,
        feature_weight: float = 1.0,
        adversarial_weight: float = 1e-3,
        feature_weights: str | None = None,
        feature_backbone: str = "vgg19",
        untrained_features: bool | str = False,
    ) -> None:
        weights = {
            "reconstruction": reconstruction_weight,
            "feature": feature_weight,
            "adversarial": adversarial_weight,
        }
        guidance = AdversarialGuidance(discriminator) if adversarial_weight else None
        untrained = as_bool(untrained_features, "untrained_features")
        loss = perceptual_objective(guidance, weights, feature_weights, feature_backbone, untrained)
        super().__init__(loss, guidance, optimizer, lr_scheduler, device, memory_format)
