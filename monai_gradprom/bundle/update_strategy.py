# SPDX-License-Identifier: Apache-2.0
"""The switches of the update strategy: what they mean to which, and what they build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_gradprom.errors import InputError
from monai_gradprom.strategies import GATES, INNER_LR, UpdateStrategy, get_strategy

from .switch_kinds import as_bool

__all__ = ["STRATEGY_DEFAULTS", "check_strategy_switches", "update_strategy"]

_GATE: dict[str, Any] = {"gate_scope": "each", "gate_every": 1, "gate_last": None}
_LOOK_AHEAD: dict[str, Any] = {"inner_lr": INNER_LR, "inner_order": 1, "inner_steps": 1, "gate": None}
STRATEGY_DEFAULTS = _GATE | _LOOK_AHEAD
"""Switch → the value at which it says nothing, which every strategy admits."""


def update_strategy(
    strategy: str,
    gate_scope: str = "each",
    gate_every: int = 1,
    gate_last: int | None = None,
    gate: str | None = None,
    inner_lr: float = INNER_LR,
    inner_order: int = 1,
    inner_steps: int = 1,
) -> UpdateStrategy:
    """Build the strategy that a bundle's switches describe; those that mean nothing to it are left out.

    Args:
        strategy: its name, see :func:`~monai_gradprom.strategies.get_strategy`, as for all others.
        gate_scope: of ``gradprom``, or of ``bilevel`` with that gate.
        gate_every: of any gate.
        gate_last: of any gate.
        gate: of ``bilevel``.
        inner_lr: of ``bilevel``.
        inner_order: its ``order``.
        inner_steps: of ``bilevel``.
    """
    options: dict[str, Any] = {"gate_every": gate_every, "gate_last": gate_last}
    if strategy == "bilevel":
        options |= {"gate": gate, "inner_lr": inner_lr, "order": inner_order, "inner_steps": inner_steps}
    if _gate_of(strategy, gate) == "gradprom":
        options["gate_scope"] = gate_scope
    return get_strategy(strategy, **options)


def check_strategy_switches(switches: Mapping[str, Any]) -> None:
    """Refuse a switch that says something where the strategy does not listen, and two cheaper gates at once.

    Args:
        switches: name → value.

    Raises:
        InputError: as said.
    """
    strategy = switches.get("strategy")
    if strategy is None:
        return
    given = {name: switches[name] for name, value in STRATEGY_DEFAULTS.items() if switches.get(name, value) != value}
    gate = _gate_of(strategy, switches.get("gate"))
    for name, value in given.items():
        if name in _LOOK_AHEAD and strategy != "bilevel":
            raise InputError(f"--{name} {value} belongs to --strategy bilevel, not {strategy!r}.")
        owners = {"gate_scope": GATES[:1]}.get(name, GATES) if name in _GATE else None
        if owners is not None and gate not in owners:
            asked = f"not {strategy!r}" if strategy != "bilevel" else f"or to bilevel with --gate {owners[0]}"
            raise InputError(f"--{name} {value} belongs to --strategy {' or '.join(owners)}, {asked}.")
    every, last = given.get("gate_every"), given.get("gate_last")
    if every is not None and last is not None:
        raise InputError(
            f"--gate_every {every} and --gate_last {last} are two ways to a cheaper gate: leave one of them out."
        )
    if last is not None and as_bool(switches.get("compile", False), "compile"):
        raise InputError(
            f"--gate_last {last} with --compile costs more than the exact gate, since a compiled enhancer is "
            "differentiated as a whole: leave one of them out."
        )


def _gate_of(strategy: str, gate: str | None) -> str | None:
    """The strategy that decides what reaches the enhancer."""
    return gate if strategy == "bilevel" else strategy.removeprefix("frozen_")
