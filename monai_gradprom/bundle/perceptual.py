# SPDX-License-Identifier: Apache-2.0
"""The objective of Deep Perceptual Enhancement, as a recipe's switches ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from monai.handlers import LrScheduleHandler
from torch import nn

from monai_gradprom.engines import Adversary
from monai_gradprom.losses import AdversarialGuidance, perceptual_objective

from .switch_rules import as_bool

__all__ = ["PerceptualTraining"]


class PerceptualTraining:
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
        self.loss = perceptual_objective(guidance, weights, feature_weights, feature_backbone, untrained).to(device)
        self.adversary: Adversary | None = None
        self._scheduler: Any = None
        if guidance is not None:
            discriminator.to(device, memory_format=memory_format)  # type: ignore[call-overload]
            own = optimizer(discriminator.parameters())
            self.adversary = Adversary(guidance, own)
            self._scheduler = None if lr_scheduler is None else lr_scheduler(own)

    @property
    def checkpoint_objects(self) -> dict[str, Any]:
        """What a checkpoint holds of the discriminator, by name."""
        found = {} if self.adversary is None else self.adversary.checkpoint_objects
        return found if self._scheduler is None else {**found, "lr_scheduler_discriminator": self._scheduler}

    @property
    def lr_handlers(self) -> list[LrScheduleHandler]:
        """The handler that steps its learning rate after each epoch, if there is one."""
        return [] if self._scheduler is None else [LrScheduleHandler(self._scheduler, print_lr=False)]
