# SPDX-License-Identifier: Apache-2.0
"""The recognizers' weight λ or ρ varied: how image quality and recognition move together under each strategy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .groups import Setting, by_strategy
from .own_tables import METRICS, VALIDATED, metric_cells, validated_cells
from .read import RunResult
from .table import Row, Table

__all__ = ["Sweep", "sweep_table", "sweeps", "weight_order"]

_WEIGHT = "aux_weight"


@dataclass(frozen=True)
class Sweep:
    """Settings that differ in the recognizers' weight alone.

    Args:
        switches: what else tells them from other sweeps.
        runs: strategy → weight → the runs of its seeds, by increasing weight. ``enhancer_only``, which has no weight,
            has the key None.
    """

    switches: dict[str, Any]
    runs: dict[str, dict[Any, list[RunResult]]]

    @property
    def title(self) -> str:
        """The switches in words."""
        return ", ".join(["every aux_weight", *(f"{name} {value}" for name, value in self.switches.items())])


def sweeps(settings: Sequence[Setting]) -> list[Sweep]:
    """Settings of one bundle gathered where only ``aux_weight`` tells them apart; none where it has one value."""
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        others = {name: value for name, value in setting.switches.items() if name != _WEIGHT}
        groups.setdefault(repr(others), []).append(setting)
    return [_sweep(group) for group in groups.values() if len(group) > 1]


def _sweep(group: Sequence[Setting]) -> Sweep:
    found: dict[str, dict[Any, list[RunResult]]] = {}
    for setting in sorted(group, key=lambda one: weight_order(one.switches[_WEIGHT])):
        for strategy, runs in by_strategy(setting.runs).items():
            weight = None if _WEIGHT in runs[0].ignored else setting.switches[_WEIGHT]
            found.setdefault(strategy, {}).setdefault(weight, runs)
    found.pop("recognizer_only", None)
    return Sweep({name: value for name, value in group[0].switches.items() if name != _WEIGHT}, found)


def weight_order(weight: Any) -> tuple[bool, float]:
    """Numbers (λ) first, then relative weights (ρ), each increasing."""
    text = str(weight)
    return text.startswith("relative:"), float(text.rpartition(":")[2])


def sweep_table(sweep: Sweep, name: str, judge: Callable[[RunResult], str | None]) -> Table:
    """Every metric of every strategy and weight, mean ± sample deviation over seeds."""
    runs = [run for weights in sweep.runs.values() for group in weights.values() for run in group]
    shown = {metric: METRICS[metric][0] for metric in METRICS if any(metric in run.metrics for run in runs)}
    table = Table(name, sweep.title, ("strategy", _WEIGHT, "seeds"), [*shown.values(), *VALIDATED])
    for strategy, weights in sweep.runs.items():
        for weight, group in weights.items():
            marks = tuple(sorted({reason for run in group if (reason := judge(run))}))
            heads = (strategy, "" if weight is None else str(weight), str(len(group)))
            cells = metric_cells(group, shown) | validated_cells(group)
            table.rows.append(Row(heads, cells, ("under-trained", *marks) if marks else (), "ours"))
    return table
