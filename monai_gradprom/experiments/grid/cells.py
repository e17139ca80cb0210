# SPDX-License-Identifier: Apache-2.0
"""The grid: the product of all switches' values, each experiment once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .bundle_files import RECOGNIZER_ONLY

__all__ = ["IGNORED", "Switches", "cells", "ignored_by"]

Switches = dict[str, Any]

_GATE = ("gate_scope", "gate_every", "gate_last")
_LOOK_AHEAD = ("inner_lr", "inner_order", "inner_steps", "gate")
_WEIGHT = ("supervised", "aux_weight")

IGNORED: dict[str, tuple[str, ...]] = {
    "enhancer_only": ("recognition", "warmup_epochs", *_WEIGHT, *_GATE, *_LOOK_AHEAD),
    RECOGNIZER_ONLY: ("warmup_epochs", "recognizer_pretrain_epochs", *_WEIGHT, *_GATE, *_LOOK_AHEAD),
    "detached": ("aux_weight", *_GATE, *_LOOK_AHEAD),
    "joint": (*_GATE, *_LOOK_AHEAD),
    "frozen": (*_GATE, *_LOOK_AHEAD),
    "gradprom": _LOOK_AHEAD,
    "gradprom_cosine": ("gate_scope", *_LOOK_AHEAD),
    "frozen_gradprom": _LOOK_AHEAD,
    "frozen_gradprom_cosine": ("gate_scope", *_LOOK_AHEAD),
    "bilevel": (),
}
"""Per strategy the switches that change nothing under it."""

_IGNORED_BY_GATE = {"gradprom": (), "gradprom_cosine": ("gate_scope",)}


def ignored_by(strategy: Any, gate: Any = None) -> tuple[str, ...]:
    """The switches that change nothing under ``strategy``; under ``bilevel`` that depends on its ``gate``."""
    if strategy == "bilevel":
        return _IGNORED_BY_GATE.get(str(gate), _GATE)
    return IGNORED.get(str(strategy), ())


def cells(switches: Mapping[str, Sequence[Any]], defaults: Mapping[str, Any], tasks: Sequence[str]) -> list[Switches]:
    """Every combination that is an experiment of its own.

    Combinations that a strategy cannot tell apart are one: a switch that it ignores (:data:`IGNORED`) keeps the
    bundle's default. ``recognition`` says what ``enhancer_only`` is measured with: the recognizers of all tasks where
    it has several values. A recognizer by itself has one task: ``both`` means both of them, one after the other.

    Args:
        switches: name → values.
        defaults: name → the bundle's value of every switch.
        tasks: the recognition tasks that the bundle has labels for.

    Returns:
        name → value for each experiment, in the order of the product, the first switch changing slowest.
    """
    found: dict[str, Switches] = {}
    for values in itertools.product(*switches.values()):
        combination = dict(zip(switches, values, strict=True))
        for cell in _meant(combination, switches, defaults, tasks):
            found.setdefault(repr(sorted(cell.items())), cell)
    return list(found.values())


def _meant(
    cell: Switches, switches: Mapping[str, Sequence[Any]], defaults: Mapping[str, Any], tasks: Sequence[str]
) -> Iterable[Switches]:
    strategy = cell.get("strategy", defaults.get("strategy"))
    for name in ignored_by(strategy, cell.get("gate", defaults.get("gate"))):
        if name not in cell:
            continue
        del cell[name]
        if name == "recognition":
            cell[name] = "both" if len(switches[name]) > 1 and len(tasks) > 1 else switches[name][0]
    if strategy == RECOGNIZER_ONLY and cell.get("recognition", defaults.get("recognition")) == "both":
        return [{**cell, "recognition": task} for task in tasks]
    return [cell]
