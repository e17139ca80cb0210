# SPDX-License-Identifier: Apache-2.0
"""Bi-level learning: the enhancer learns from the recognizer that its images lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor

from .base import TaskLoss, UpdateStrategy
from .detached import Detached
from .gradients import Gradients
from .joint import Joint
from .look_ahead import LookAhead
from .parametric_loss import ParametricLoss
from .report import GateReport
from .weights import Weight

__all__ = ["INNER_LR", "BiLevel"]

INNER_LR = 0.01
"""The default of the inner step's learning rate."""


class BiLevel(UpdateStrategy):
    r"""θ takes the recognizer's gradient after the recognizer's own step; φ takes ∇φ L_VR.

    .. math::

        \min_\theta\; L_{IP}(\theta) + \lambda\, L_{VR}(\theta, \phi'(\theta)), \qquad
        \phi'(\theta) = \phi - \eta\, \nabla_\phi L_{VR}(\theta, \phi)

    The upper level chooses the enhancer for a recognizer that has adapted to its images, in the lower level: He et al.,
    *HQG-Net*, 2023. Its first-order form holds φ' while it differentiates over θ, its second-order form, which is the
    whole gradient, differentiates through the step as well. See :class:`LookAhead`.

    Both levels see the same mini-batch. φ' serves the enhancer's gradient alone: φ takes ∇φ L_VR at φ, as under any
    strategy, and its optimizer steps by that. Under accumulation each mini-batch looks ahead by a step of its own.

    Args:
        strategy: how the look-ahead gradient meets the enhancer's own: :class:`Joint` adds it, a gate, exact or
            cheaper, lets it in where it agrees.
        order: 1 or 2, the form.
        inner_lr: η > 0, of plain gradient descent, whatever the recognizer's optimizer does.
        inner_steps: how many steps the lower level takes, at least 1.

    Raises:
        ValueError: for arguments that are none of these.
    """

    def __init__(
        self, strategy: UpdateStrategy | None = None, order: int = 1, inner_lr: float = INNER_LR, inner_steps: int = 1
    ) -> None:
        if order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {order!r}.")
        if not 0 < inner_lr < float("inf"):
            raise ValueError(f"inner_lr must be a positive number, got {inner_lr!r}.")
        if not isinstance(inner_steps, int) or inner_steps < 1:
            raise ValueError(f"inner_steps must be a whole number of at least 1, got {inner_steps!r}.")
        self.strategy = Joint() if strategy is None else strategy
        if not self.strategy.trains_recognizer or isinstance(self.strategy, (BiLevel, Detached)):
            raise ValueError(f"a look-ahead can be joined with Joint or a gate, not with {type(strategy).__name__}.")
        self.order = order
        self.inner_lr = inner_lr
        self.inner_steps = inner_steps

    @property
    def differentiates_twice(self) -> bool:  # type: ignore[override]
        """In the second-order form."""
        return self.order == 2

    def compute(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, TaskLoss],
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> Gradients:
        """See :meth:`UpdateStrategy.compute`.

        Raises:
            ValueError: for a loss that is no :class:`ParametricLoss`.
        """
        ahead = {name: self.ahead(name, loss) for name, loss in aux_losses.items()}
        return self.strategy.compute(output, main_loss, ahead, theta, phis, weights)

    def ahead(self, name: str, loss: TaskLoss) -> LookAhead:
        """What stands in the place of the loss of task ``name``; ValueError as of :meth:`compute`."""
        if not isinstance(loss, ParametricLoss):
            raise ValueError(
                f"bi-level learning needs the loss of task {name!r} at other parameters than the recognizer's own, and "
                f"got a {type(loss).__name__}: pass NetworkLoss(recognizer, function), or another ParametricLoss."
            )
        return LookAhead(loss, self.order, self.inner_lr, self.inner_steps, self.average)

    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """See :meth:`UpdateStrategy.decide`; cosine and ratio are those of the look-ahead gradient."""
        return self.strategy.decide(gradients, weights)

    def average_with(self, average: Callable[[Iterable[Tensor | None]], None]) -> None:
        """See :meth:`UpdateStrategy.average_with`."""
        super().average_with(average)
        self.strategy.average_with(average)

    def setting(self) -> dict[str, Any]:
        """See :meth:`UpdateStrategy.setting`."""
        return {**super().setting(), "strategy": self.strategy.setting()}

    def state_dict(self) -> dict[str, Any]:
        """What the gate remembers."""
        return self.strategy.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from :meth:`state_dict`."""
        self.strategy.load_state_dict(state)
