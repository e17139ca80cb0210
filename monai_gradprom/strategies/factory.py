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
from .joint import Joint

__all__ = ["STRATEGIES", "get_strategy"]

STRATEGIES: dict[str, type[UpdateStrategy]] = {
    "enhancer_only": EnhancerOnly,
    "joint": Joint,
    "frozen": Frozen,
    "gradprom": GradProm,
    "gradprom_cosine": GradPromCosine,
}


def get_strategy(name: str, **options: Any) -> UpdateStrategy:
    """Build a strategy by its name.

    Args:
        name: one of ``enhancer_only``, ``joint``, ``frozen``, ``gradprom``, ``gradprom_cosine``.
        options: the strategy's own arguments, such as ``threshold`` and ``gate_scope`` of ``gradprom``.

    Raises:
        ValueError: for an unknown name (the nearest is named) or an option that the strategy does not have.
    """
    if name not in STRATEGIES:
        near = difflib.get_close_matches(str(name), STRATEGIES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(STRATEGIES)}."
        raise ValueError(f"strategy {name!r} is unknown: {hint}")
    try:
        return STRATEGIES[name](**options)
    except TypeError as error:
        raise ValueError(f"strategy {name!r} does not take the options {sorted(options)}: {error}.") from error
