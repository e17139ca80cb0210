# SPDX-License-Identifier: Apache-2.0
"""Strategies by name."""

from __future__ import annotations

import difflib
from typing import Any

from .base import UpdateStrategy
from .enhancer_only import EnhancerOnly
from .frozen import Frozen
from .gradprom import GradProm
from .gradprom_cosine import GradPromCosine
from .held import HeldGate
from .joint import Joint
from .last_layers import LastLayersGate
from .separated import SeparatedStrategy
from .summed import SummedStrategy

__all__ = ["STRATEGIES", "get_strategy"]

STRATEGIES: dict[str, type[UpdateStrategy]] = {
    "enhancer_only": EnhancerOnly,
    "joint": Joint,
    "frozen": Frozen,
    "gradprom": GradProm,
    "gradprom_cosine": GradPromCosine,
}


def get_strategy(name: str, gate_every: int = 1, gate_last: int | None = None, **options: Any) -> UpdateStrategy:
    """Build a strategy by its name.

    Args:
        name: one of ``enhancer_only``, ``joint``, ``frozen``, ``gradprom``, ``gradprom_cosine``.
        gate_every: decide the gate in every so many updates only, see :class:`HeldGate`; 1 decides in each.
        gate_last: decide it by so many of the enhancer's last parameters, see :class:`LastLayersGate`; None by all.
        options: the strategy's own arguments, such as ``threshold`` and ``gate_scope`` of ``gradprom``.

    Raises:
        ValueError: for an unknown name (the nearest is named), an option that the strategy does not have, or a cheaper
            gate for a strategy that has none, or both of them at once.
    """
    if name not in STRATEGIES:
        near = difflib.get_close_matches(str(name), STRATEGIES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(STRATEGIES)}."
        raise ValueError(f"strategy {name!r} is unknown: {hint}")
    try:
        strategy = STRATEGIES[name](**options)
    except TypeError as error:
        raise ValueError(f"strategy {name!r} does not take the options {sorted(options)}: {error}.") from error
    if gate_every == 1 and gate_last is None:
        return strategy
    if not isinstance(strategy, SeparatedStrategy) or isinstance(strategy, SummedStrategy):
        raise ValueError(f"strategy {name!r} has no gate: leave out gate_every and gate_last.")
    if gate_last is None:
        return HeldGate(strategy, gate_every)
    if gate_every == 1:
        return LastLayersGate(strategy, gate_last)
    raise ValueError("gate_every and gate_last are two ways to a cheaper gate: choose one.")
