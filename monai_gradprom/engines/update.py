# SPDX-License-Identifier: Apache-2.0
"""What ends in one optimizer step: gradients of all networks, gathered over mini-batches and processes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim import Optimizer

from monai_gradprom.strategies import GateReport, Gradients, UpdateStrategy, Weight

from .adversary import Adversary
from .distributed import average_gradients
from .mini_batch import MiniBatch, RecognitionLoss
from .task import AuxiliaryTask, plain

__all__ = ["Update"]


class Update:
    """An update in the making.

    Args:
        strategy: how the recognizers' gradients meet the enhancer's own.
        network: the enhancer.
        optimizer: of the enhancer.
        tasks: the tasks that take part.
        adversaries: the discriminators that learn beside them.

    Attributes:
        gathered: the gradients so far; None before the first mini-batch and after the decision.
    """

    def __init__(
        self,
        strategy: UpdateStrategy,
        network: nn.Module,
        optimizer: Optimizer,
        tasks: Sequence[AuxiliaryTask],
        adversaries: Sequence[Adversary],
    ) -> None:
        self.strategy = strategy
        self.network = network
        self.optimizer = optimizer
        self.tasks = tasks
        self.adversaries = adversaries
        self.gathered: Gradients | None = None

    def set_modes(self) -> None:
        """Put every network that takes part into its mode."""
        for network in (self.network, *(adversary.network for adversary in self.adversaries)):
            network.train()
        for task in self.tasks:
            task.network.train(self.strategy.trains_recognizer)

    def add(self, main_loss: Tensor, pred: Tensor, batch: MiniBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Add the gradients of a mini-batch.

        Args:
            main_loss: L_IP, with its graph.
            pred: ŷ [B, C, *spatial], with its graph.
            batch: the mini-batch.

        Returns:
            each task's loss and each discriminator's, by name.
        """
        # one recognizer runs after the other, when the strategy has room for it
        losses = {task.name: RecognitionLoss(task, pred, batch) for task in self.tasks}
        phis = _phis(self.tasks)
        gradients = self.strategy.compute(pred, batch.scaling(main_loss), losses, self._theta, phis, self._weights)
        terms = {}
        for adversary in self.adversaries:
            with batch.scaling.precision.autocast():
                terms[adversary.name] = adversary.loss(pred, plain(batch.target))
            # beside the recognizers', so that what happens to theirs happens to these
            gradients.phis[adversary.name] = adversary.differentiate(batch.scaling(terms[adversary.name]))
        self.gathered = gradients if self.gathered is None else self.gathered.add_(gradients)
        return {name: loss.value for name, loss in losses.items()}, terms

    def decide(self) -> dict[str, GateReport]:
        """Average the gradients over processes, let the strategy decide on them, and fill all ``.grad``."""
        gradients, self.gathered = self.gathered, None
        assert gradients is not None
        average_gradients(gradients)
        return self.strategy.apply(gradients, self._theta, _phis([*self.tasks, *self.adversaries]), self._weights)

    @property
    def optimizers(self) -> list[Optimizer]:
        """Those that step, the enhancer's first."""
        trained: list[AuxiliaryTask | Adversary] = [*self.tasks] if self.strategy.trains_recognizer else []
        trained += self.adversaries
        return [self.optimizer, *(each.optimizer for each in trained if each.optimizer is not None)]

    @property
    def _theta(self) -> list[Tensor]:
        return list(self.network.parameters())

    @property
    def _weights(self) -> dict[str, Weight]:
        return {task.name: task.weight for task in self.tasks}


def _phis(others: Sequence[AuxiliaryTask | Adversary]) -> dict[str, list[Tensor]]:
    return {other.name: list(other.network.parameters()) for other in others}
