# SPDX-License-Identifier: Apache-2.0
"""The discriminator as a component of the trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from monai.engines.utils import IterationEvents
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor, nn
from torch.optim import Optimizer

from monai_gradprom.errors import InputError
from monai_gradprom.losses import AdversarialGuidance
from monai_gradprom.strategies.gradients import GradientList, differentiate

from .bookkeeping import mean_terms
from .distributed import batch_share

__all__ = ["Adversary", "Guidance", "check_adversaries"]


class Guidance(Protocol):
    """What an :class:`Adversary` trains, such as :class:`~monai_gradprom.losses.AdversarialGuidance`."""

    discriminator: nn.Module

    def discriminator_loss(self, pred: Tensor, target: Tensor) -> Tensor:
        """A scalar that sends no gradient to ``pred``, from enhanced images [B, C, *spatial] and the loss's target."""
        ...


class Adversary:
    """Trains the discriminator of an objective with adversarial guidance, in the trainer's own updates.

    The guidance is a term of the trainer's loss function and teaches the enhancer there. Here the discriminator learns
    from the same mini-batch, with the parameters that the enhancer's loss has seen: no side is a step ahead. Its
    gradient travels with the recognizers': it is accumulated, averaged over processes, clipped and stepped, or skipped,
    with all others. No gate decides on it, and it learns during the warm-up too.

    Args:
        guidance: the very object that is a term of the trainer's loss function.
        optimizer: of the discriminator's parameters.

    Example:
        >>> from monai_gradprom.losses import perceptual_objective
        >>> from monai_gradprom.networks import PerceptualDiscriminator
        >>> import torch
        >>> guidance = AdversarialGuidance(PerceptualDiscriminator(channels=(4, 8)))
        >>> loss = perceptual_objective(guidance, {"feature": 0})
        >>> adversary = Adversary(guidance, torch.optim.Adam(guidance.discriminator.parameters(), 5e-4))
        >>> # GradPromTrainer(loss_function=loss, adversary=adversary, ...)
    """

    name = "discriminator"
    """Names its loss in ``engine.state`` and reports, and its parts in checkpoints."""

    def __init__(self, guidance: Guidance, optimizer: Optimizer) -> None:
        self.guidance = guidance
        self.optimizer = optimizer

    @property
    def network(self) -> nn.Module:
        """The discriminator."""
        return self.guidance.discriminator

    @property
    def checkpoint_objects(self) -> dict[str, Any]:
        """What a checkpoint must hold for an exact resume, by name."""
        return {self.name: self.network, f"optimizer_{self.name}": self.optimizer}

    def loss(self, pred: Tensor, target: Tensor) -> Tensor:
        """The discriminator's loss, a scalar; no gradient reaches the enhancer.

        Args:
            pred: [B, C, *spatial] in [0, 1], the enhanced images.
            target: the clean images, of the same shape; or what else the guidance takes, such as an
                :class:`~monai_gradprom.losses.UnpairedTarget`.
        """
        return self.guidance.discriminator_loss(pred, target)

    def differentiate(self, loss: Tensor) -> GradientList:
        """The gradient of ``loss`` over the discriminator's parameters, in their order; fills no ``.grad``."""
        return differentiate([loss], list(self.network.parameters()))

    def attach(self, engine: Any) -> None:
        """Let a trainer's ``loss_terms`` hold the guidance's ``term_values`` too; means over the whole batch."""
        engine.add_event_handler(IterationEvents.MODEL_COMPLETED, self._report)

    def _report(self, engine: Any) -> None:
        terms: dict[str, Tensor] = getattr(self.guidance, "term_values", {})
        if terms:
            output = engine.state.output
            samples = len(output if isinstance(output, list) else output[Keys.IMAGE])  # MONAI decollates by default
            share = batch_share(samples, next(iter(terms.values())).device)
            engine.state.loss_terms |= mean_terms(terms, share)


def check_adversaries(loss_function: Any, adversaries: Sequence[Adversary]) -> None:
    """Refuse an objective that is guided by a discriminator which nobody trains.

    Raises:
        InputError: as said. A discriminator whose parameters take no gradient is meant to stay as it is.
    """
    trained = [adversary.guidance for adversary in adversaries]
    for guidance in _guidances(loss_function):
        learns = any(parameter.requires_grad for parameter in guidance.discriminator.parameters())
        if learns and not any(guidance is one for one in trained):
            raise InputError(
                "the loss function is guided by a discriminator that nothing trains: give the trainer "
                "adversary=Adversary(guidance, optimizer) with the same guidance."
            )


def _guidances(loss_function: Any) -> Iterator[AdversarialGuidance]:
    modules = loss_function.modules() if isinstance(loss_function, nn.Module) else ()
    return (module for module in modules if isinstance(module, AdversarialGuidance))
