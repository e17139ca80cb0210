# SPDX-License-Identifier: Apache-2.0
"""L_VR as a function of the recognizer's parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["NetworkLoss", "ParametricLoss"]


class ParametricLoss(ABC):
    """L_VR on one mini-batch, which can also be had at parameters that the recognizer does not have.

    It may stand wherever a function without arguments may; a look-ahead needs it.
    """

    @abstractmethod
    def __call__(self) -> Tensor:
        """L_VR at the recognizer's own parameters φ, a scalar, as a forward pass in training gives it."""

    @abstractmethod
    def at(self, parameters: Sequence[Tensor]) -> Tensor:
        """L_VR at ``parameters`` instead of φ, in φ's order, after L_VR at φ.

        Nothing of the recognizer changes by it: running statistics stay.
        """

    @property
    def scale(self) -> float | Tensor:
        """What its values have been multiplied by, such as a loss scale; the same in all processes.

        Whoever takes a step along its gradient takes that out again.
        """
        return 1.0


class NetworkLoss(ParametricLoss):
    """A loss for which a network runs.

    Args:
        network: the recognizer, in the mode in which it shall run.
        loss: a function without arguments that runs it on the enhancer's output and returns L_VR, such as
            ``lambda: cross_entropy(recognizer(output), diagnosis)``.

    Example:
        >>> import torch
        >>> network, output = nn.Linear(2, 1, bias=False), torch.ones(1, 2, requires_grad=True)
        >>> loss = NetworkLoss(network, lambda: network(output).sum())
        >>> loss.at([torch.tensor([[3.0, 4.0]])]).item()
        7.0
    """

    def __init__(self, network: nn.Module, loss: Callable[[], Tensor]) -> None:
        self.network = network
        self.loss = loss

    def __call__(self) -> Tensor:
        """See :meth:`ParametricLoss.__call__`."""
        return self.loss()

    def at(self, parameters: Sequence[Tensor]) -> Tensor:
        """See :meth:`ParametricLoss.at`."""
        names = (name for name, _ in self.network.named_parameters())
        # a forward pass writes to buffers: to copies
        state = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        state.update(zip(names, parameters, strict=True))
        call = _Call(self.network, self.loss)
        return functional_call(call, {f"network.{name}": tensor for name, tensor in state.items()}, ())


class _Call(nn.Module):
    """A function as a module, so that the network it runs may have other parameters while it runs."""

    def __init__(self, network: nn.Module, function: Callable[[], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.function = function

    def forward(self) -> Tensor:
        return self.function()
