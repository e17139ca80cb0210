# SPDX-License-Identifier: Apache-2.0
"""What every update strategy has in common: compute gradients, decide, write them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch.distributed as dist
from torch import Tensor

from .gradients import GradientList, Gradients, accumulate_into_grad, differentiate
from .look_ahead import LookAhead
from .report import GateReport
from .weights import Weight

__all__ = ["TaskLoss", "UpdateStrategy"]

TaskLoss = Tensor | Callable[[], Tensor]
"""L_VR, or what computes it: a recognizer that has not run yet takes up no memory while L_IP is differentiated.

Bi-level learning needs what can compute it at other parameters too, a :class:`ParametricLoss`.
"""


class UpdateStrategy(ABC):
    """How the recognizers' gradients meet the enhancer's own.

    ``backward`` takes the place of ``loss.backward()`` in any training loop. Its two halves can be called apart:
    :meth:`compute` differentiates, :meth:`apply` decides and fills ``.grad``; between the two, gradients can be summed
    over mini-batches (accumulation) or averaged over processes, so that a gate decides once, on the one that counts.

    Attributes:
        uses_recognizer: False when auxiliary losses need not be computed at all.
        trains_recognizer: False when φ receives no gradient; the recognizer then belongs in eval mode.
        differentiates_twice: True when recognizers must have second derivatives.
    """

    uses_recognizer: bool = True
    trains_recognizer: bool = True
    differentiates_twice: bool = False
    _average: Callable[[Iterable[Tensor | None]], None] | None = None

    def backward(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, TaskLoss],
        theta: Iterable[Tensor],
        phis: Mapping[str, Iterable[Tensor]],
        weights: Mapping[str, Weight],
    ) -> dict[str, GateReport]:
        """Fill ``.grad`` of θ and φ from one mini-batch.

        Args:
            output: the enhancer's output ŷ, of any shape, with its graph. Auxiliary losses must be functions of it, and
                up to it the losses may share what they like; after it each must have its own way (a recognizer's
                forward of its own, say), because each way is freed on its own.
            main_loss: L_IP, a scalar. It is differentiated itself, so it may reach θ by other ways than ``output``.
            aux_losses: L_VR per task, scalars that reach θ through ``output`` only; or functions without arguments that
                return them, each called once. Then one recognizer at a time holds memory, and a gate needs no more than
                joint training and a copy of θ's gradients.
            theta: the enhancer's parameters, as ``network.parameters()`` gives them.
            phis: each task's recognizer parameters; empty for a task without any.
            weights: λ per task, a number or a :class:`RelativeWeight`.

        Returns:
            a report per task. θ's ``.grad`` holds what the strategy decided, φ's ∇φ L_VR without λ, both added to what
            was there, as after ``backward``. The graphs are freed (that of L_IP beyond ŷ, where losses come as
            functions, with ``main_loss`` itself).

        Raises:
            ValueError: when the three mappings do not name the same tasks.
        """
        thetas, phi_lists = list(theta), {name: list(phi) for name, phi in phis.items()}
        gradients = self.compute(output, main_loss, aux_losses, thetas, phi_lists, weights)
        return self.apply(gradients, thetas, phi_lists, weights)

    @abstractmethod
    def compute(
        self,
        output: Tensor,
        main_loss: Tensor,
        aux_losses: Mapping[str, TaskLoss],
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> Gradients:
        """Differentiate one mini-batch without touching any ``.grad``; arguments as in :meth:`backward`, as lists."""

    def apply(
        self,
        gradients: Gradients,
        theta: Sequence[Tensor],
        phis: Mapping[str, Sequence[Tensor]],
        weights: Mapping[str, Weight],
    ) -> dict[str, GateReport]:
        """Decide on ``gradients``, which are used up, and fill ``.grad``; arguments as in :meth:`compute`."""
        reports = self.decide(gradients, weights)
        accumulate_into_grad(theta, gradients.main)
        for name, phi_gradients in gradients.phis.items():
            accumulate_into_grad(phis[name], phi_gradients)
        return reports

    @abstractmethod
    def decide(self, gradients: Gradients, weights: Mapping[str, Weight]) -> dict[str, GateReport]:
        """Turn ``gradients.main`` in place into θ's final gradient, and say how."""

    def average_with(self, average: Callable[[Iterable[Tensor | None]], None]) -> None:
        """Say how tensors are replaced by their means over processes.

        Needed only by a strategy that decides while it differentiates; others are handed averaged gradients, between
        :meth:`compute` and :meth:`apply`.
        """
        self._average = average

    def average(self, tensors: Iterable[Tensor | None]) -> None:
        """Replace tensors by their means over processes, in the way that :meth:`average_with` was told.

        Raises:
            RuntimeError: when there are several processes and it was not told.
        """
        if self._average is not None:
            self._average(tensors)
        elif dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            raise RuntimeError("several processes would each decide for themselves: call `average_with` first.")

    def setting(self) -> dict[str, Any]:
        """What this strategy is, as plain values: a run may be resumed only under an equal one."""
        public = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {"name": type(self).__name__, **public}

    def state_dict(self) -> dict[str, Any]:
        """What it remembers from one update to the next, as plain values; here nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from :meth:`state_dict`.

        Raises:
            ValueError: when it is another strategy's.
        """
        if state:
            raise ValueError(f"{type(self).__name__} remembers nothing, but is given {sorted(state)}.")


def check_tasks(aux_losses: Mapping[str, object], phis: Mapping[str, object], weights: Mapping[str, object]) -> None:
    """Refuse mappings that do not speak of the same tasks, before a missing weight silently becomes none."""
    if not (aux_losses.keys() == phis.keys() == weights.keys()):
        raise ValueError(
            "aux_losses, phis and weights must have the same task names, got "
            f"{sorted(aux_losses)}, {sorted(phis)} and {sorted(weights)}."
        )


def differentiate_task(
    loss: TaskLoss, output: Tensor, phi: Sequence[Tensor], train: bool
) -> tuple[Tensor, GradientList]:
    """One recognizer backward: ∂L_VR/∂ŷ, and ∇φ L_VR where the recognizer is trained. Frees the recognizer's graph.

    Raises:
        ValueError: when the loss does not depend on ``output``.
    """
    if isinstance(loss, LookAhead):
        seed, found = loss.differentiate(output, phi)
    else:
        value = loss() if callable(loss) else loss
        seed, *found = differentiate([value], [output, *(phi if train else ())])
    if seed is None:
        raise ValueError("an auxiliary loss does not depend on `output`: compute it from the enhancer's output itself.")
    return seed, found
