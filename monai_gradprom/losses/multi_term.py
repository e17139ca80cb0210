# SPDX-License-Identifier: Apache-2.0
"""A loss of several named and weighted terms."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError

__all__ = ["MultiTermLoss"]


class MultiTermLoss(nn.Module):
    """The weighted sum of named terms, each of which can be read afterwards.

    It is called like any loss, ``loss(pred, target)``, and returns a scalar, so that engines and strategies take it as
    it is. After each call :attr:`terms` holds what the terms were.

    Args:
        terms: losses by name, each called with (pred, target); their means are summed.
        weights: a factor >= 0 by name, 1 by default. A term of weight 0 is off: neither computed nor in ``terms``.

    Attributes:
        weights: of the terms that are on.
        term_values: each term's value in the last call as a tensor, without its weight; empty before.

    Raises:
        InputError: a weight is of no term or no number >= 0, or all terms are off.

    Example:
        >>> loss = MultiTermLoss({"l1": nn.L1Loss(), "l2": nn.MSELoss()}, {"l2": 0.5})
        >>> loss(torch.full((1, 1, 4, 4), 2.0), torch.zeros(1, 1, 4, 4)).item(), loss.terms
        (4.0, {'l1': 2.0, 'l2': 4.0})
    """

    def __init__(self, terms: Mapping[str, nn.Module], weights: Mapping[str, float] | None = None) -> None:
        super().__init__()
        given = dict(weights or {})
        for name, weight in given.items():
            check_choice("the loss term", name, terms)
            if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
                raise InputError(f"the weight of the loss term {name} is {weight!r}; give a number >= 0, 0 for off.")
        self.weights = {name: float(given.get(name, 1)) for name in terms if given.get(name, 1) > 0}
        if not self.weights:
            raise InputError(f"every loss term ({', '.join(terms)}) has weight 0: give one a weight above 0.")
        self.losses = nn.ModuleDict({name: terms[name] for name in self.weights})
        self.term_values: dict[str, torch.Tensor] = {}

    @property
    def terms(self) -> dict[str, float]:
        """``term_values`` as numbers. Reading them waits for the device."""
        return {name: value.item() for name, value in self.term_values.items()}

    def forward(self, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Sum the terms.

        Args:
            pred: [B, C, *spatial], the enhanced images.
            target: the clean images.

        Returns:
            A scalar, ``Σ weight · term``, in float32 or wider.
        """
        values = {name: _mean(loss(pred, target)) for name, loss in self.losses.items()}
        self.term_values = {name: value.detach() for name, value in values.items()}
        return torch.stack([self.weights[name] * value for name, value in values.items()]).sum()


def _mean(value: torch.Tensor) -> torch.Tensor:
    return value.to(torch.promote_types(value.dtype, torch.float32)).mean()
