# SPDX-License-Identifier: Apache-2.0
"""Strategies by name."""

from __future__ import annotations

import difflib
from typing import Any

from .base import UpdateStrategy
from .bilevel import BiLevel
from .detached import Detached
from .enhancer_only import EnhancerOnly
from .frozen import Frozen
from .frozen_gates import FrozenGradProm, FrozenGradPromCosine
from .gradprom import GradProm
from .gradprom_cosine import GradPromCosine
from .held import HeldGate
from .joint import Joint
from .last_layers import LastLayersGate
from .separated import SeparatedStrategy
from .summed import SummedStrategy

__all__ = ["GATES", "STRATEGIES", "get_strategy"]

STRATEGIES: dict[str, type[UpdateStrategy]] = {
    "enhancer_only": EnhancerOnly,
    "detached": Detached,
    "joint": Joint,
    "frozen": Frozen,
    "gradprom": GradProm,
    "gradprom_cosine": GradPromCosine,
    "frozen_gradprom": FrozenGradProm,
    "frozen_gradprom_cosine": FrozenGradPromCosine,
    "bilevel": BiLevel,
}

GATES = ("gradprom", "gradprom_cosine")
"""The strategies that gate a recognizer that learns, by themselves or a look-ahead."""

_LEVELS = ("order", "inner_lr", "inner_steps")


def get_strategy(name: str, gate_every: int = 1, gate_last: int | None = None, **options: Any) -> UpdateStrategy:
    """Build a strategy by its name.

    Args:
        name: one of ``enhancer_only``, ``detached``, ``joint``, ``frozen``, ``gradprom``, ``gradprom_cosine``,
            ``frozen_gradprom``, ``frozen_gradprom_cosine``, ``bilevel``.
        gate_every: decide the gate in every so many updates only, see :class:`HeldGate`; 1 decides in each.
        gate_last: decide it by so many of the enhancer's last parameters, see :class:`LastLayersGate`; None by all.
        options: the strategy's own arguments, such as ``threshold`` and ``gate_scope`` of ``gradprom``; of ``bilevel``
            ``order``, ``inner_lr``, ``inner_steps`` and ``gate``: None, ``gradprom`` or ``gradprom_cosine``, with that
            gate's own.

    Raises:
        ValueError: for an unknown name (the nearest is named), an option that the strategy does not have, or a cheaper
            gate for a strategy that has none, or both of them at once.
    """
    if name not in STRATEGIES:
        near = difflib.get_close_matches(str(name), STRATEGIES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(STRATEGIES)}."
        raise ValueError(f"strategy {name!r} is unknown: {hint}")
    if name == "bilevel":
        return _bilevel(gate_every=gate_every, gate_last=gate_last, **options)
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


def _bilevel(gate: str | None = None, gate_every: int = 1, gate_last: int | None = None, **options: Any) -> BiLevel:
    """A look-ahead, and the gate, if any, through which it meets the enhancer's own gradient."""
    if gate is not None and gate not in GATES:
        raise ValueError(f"gate must be None, {' or '.join(map(repr, GATES))}, got {gate!r}.")
    levels = {name: options.pop(name) for name in _LEVELS if name in options}
    if gate is None and (options or gate_every != 1 or gate_last is not None):
        given = [*options, *["gate_every"] * (gate_every != 1), *["gate_last"] * (gate_last is not None)]
        raise ValueError(f"strategy 'bilevel' does not take {', '.join(given)} without a gate: give gate='gradprom'.")
    return BiLevel(get_strategy(gate or "joint", gate_every, gate_last, **options), **levels)
