# SPDX-License-Identifier: Apache-2.0
"""The end of a training, over which its validation must hold still, and whether a grid validates often enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["judged_from", "rare_validations"]

_ENOUGH = 0.8  # of the epochs: an earlier one asks more of a run than the rule means


def judged_from(validated: Iterable[int], epochs: int) -> int | None:
    """The last validated epoch at or before 90 % of all, from which on a run is judged; None where there is none."""
    return max((epoch for epoch in validated if epoch <= 0.9 * epochs), default=None)


def rare_validations(switches: Mapping[str, Any]) -> str | None:
    """What to tell whoever validates so rarely that a run is judged from far before its last tenth on.

    Args:
        switches: of a run; ``max_epochs``, ``val_interval`` and ``strategy`` count. Of an expression nothing is said.
    """
    epochs, interval = switches["max_epochs"], switches["val_interval"]
    if switches.get("strategy") == "recognizer_only" or not (isinstance(epochs, int) and isinstance(interval, int)):
        return None
    if _start(epochs, interval) >= _ENOUGH * epochs:
        return None
    better = [other for other in range(1, epochs) if _start(epochs, other) >= _ENOUGH * epochs]
    if not better:
        return None
    start, nearest = _start(epochs, interval), min(better, key=lambda other: abs(other - interval))
    told = f"epoch {start}: `report` will call runs under-trained unless they have settled by then"
    if not start:
        told = "no epoch before the last tenth: `report` will call every run under-trained"
    return (
        f"--max_epochs {epochs} with --val_interval {interval} validates at {told}; --val_interval {nearest} validates "
        f"at epoch {_start(epochs, nearest)}."
    )


def _start(epochs: int, interval: int) -> int:
    return judged_from(range(interval, epochs + 1, interval), epochs) or 0
