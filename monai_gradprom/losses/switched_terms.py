# SPDX-License-Identifier: Apache-2.0
"""What objectives have in common whose terms are switches."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.losses.multi_term import MultiTermLoss

__all__ = ["chosen_weights", "sum_of_terms"]


def chosen_weights(
    defaults: Mapping[str, float], weights: Mapping[str, float] | None, guidance: nn.Module | None, kind: type
) -> dict[str, float]:
    """``defaults``, replaced by ``weights`` where these name a term.

    Args:
        defaults: of every term, ``adversarial`` among them.
        weights: as the user gives them.
        guidance: the adversarial term, if there is one.
        kind: the class that it should be of, for the message.

    Raises:
        InputError: there is no such term, or the adversarial one is on without ``guidance``.
    """
    for name in weights or {}:
        check_choice("the loss term", name, defaults)
    chosen = {**defaults, **(weights or {})}
    if chosen["adversarial"] and guidance is None:
        raise InputError(
            f"the adversarial term is on but there is no discriminator: give guidance={kind.__name__}(...), or set the "
            "weight of adversarial to 0."
        )
    return chosen


def sum_of_terms(terms: Mapping[str, nn.Module | None], weights: Mapping[str, float]) -> MultiTermLoss:
    """The loss of the terms that are there; None stands for one that is not, whatever its weight."""
    there = {name: term for name, term in terms.items() if term is not None}
    return MultiTermLoss(there, {name: weights[name] for name in there})
