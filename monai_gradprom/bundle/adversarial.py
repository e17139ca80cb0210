# SPDX-License-Identifier: Apache-2.0
"""An objective with a discriminator, ready for a recipe's trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from monai.handlers import LrScheduleHandler
from torch import nn

from monai_gradprom.engines import Adversary
from monai_gradprom.losses import AdversarialGuidance

__all__ = ["AdversarialTraining"]


class AdversarialTraining:
    """Loss function, discriminator and its optimizer.

    Args:
        loss: the objective, which goes to ``device``.
        guidance: its adversarial term; None where that is off.
        optimizer: called with the discriminator's parameters.
        lr_scheduler: called with that optimizer; None for a constant learning rate.
        device: where everything goes.
        memory_format: in which the discriminator goes there, such as ``torch.channels_last``.

    Attributes:
        loss: as given.
        adversary: what the trainer trains the discriminator with; None without adversarial term.
    """

    def __init__(
        self,
        loss: nn.Module,
        guidance: AdversarialGuidance | None,
        optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
        lr_scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
        device: torch.device | str = "cpu",
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> None:
        self.loss = loss.to(device)
        self.adversary: Adversary | None = None
        self._scheduler: Any = None
        if guidance is not None:
            guidance.discriminator.to(device, memory_format=memory_format)  # type: ignore[call-overload]
            own = optimizer(guidance.discriminator.parameters())
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

    @property
    def handlers(self) -> list[Any]:
        """``lr_handlers``, and the adversary itself, which reports what its guidance measures."""
        return self.lr_handlers + ([] if self.adversary is None else [self.adversary])
