# SPDX-License-Identifier: Apache-2.0
"""Which runs belong together: one setting under several strategies, one strategy under several seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .read import RunResult

__all__ = ["Setting", "agrees", "by_strategy", "settings", "varying"]

_APART = ("strategy", "seed")


@dataclass(frozen=True)
class Setting:
    """What strategies are compared under.

    Args:
        switches: name → value of what differs between settings.
        runs: all runs of it, of every strategy and seed.
    """

    switches: dict[str, Any]
    runs: list[RunResult]

    @property
    def title(self) -> str:
        """The switches in words."""
        return ", ".join(f"{name} {value}" for name, value in self.switches.items()) or "all runs"


def varying(runs: Sequence[RunResult], without: Iterable[str] = ()) -> list[str]:
    """Names of switches that do not have the same value in all runs, as far as a run does not ignore them."""
    names = dict.fromkeys(name for run in runs for name in run.switches)
    kept = []
    for name in names:
        values = {repr(run.switches.get(name)) for run in runs if name not in run.ignored}
        if len(values) > 1 and name not in without:
            kept.append(name)
    return kept


def agrees(run: RunResult, wanted: Mapping[str, Any]) -> bool:
    """Whether a run has these values, or does not care."""
    return all(name in run.ignored or run.switches.get(name) == value for name, value in wanted.items())


def settings(runs: Sequence[RunResult]) -> list[Setting]:
    """Group runs by everything that varies but strategy and seed.

    A run that ignores a switch belongs to the settings of all its values: ``enhancer_only`` is compared with supervised
    and unsupervised runs alike.
    """
    names = varying(runs, without=_APART)
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        if not run.ignored & set(names):
            values = {name: run.switches.get(name) for name in names}
            found.setdefault(repr(values), values)
    for run in runs:  # of those that ignore something, what nobody else has
        values = {name: run.switches.get(name) for name in names if name not in run.ignored}
        if not any(all(other.get(name) == value for name, value in values.items()) for other in found.values()):
            found.setdefault(repr(values), values)
    grouped = [Setting(values, [run for run in runs if agrees(run, values)]) for values in found.values()]
    return sorted(grouped, key=lambda setting: tuple(map(str, setting.switches.values())))


def by_strategy(runs: Iterable[RunResult]) -> dict[str, list[RunResult]]:
    """Strategy → its runs, one for each seed, in the usual order of the strategies."""
    order = (
        *("recognizer_only", "enhancer_only", "detached", "joint", "frozen"),
        *("gradprom", "gradprom_cosine", "frozen_gradprom", "frozen_gradprom_cosine", "bilevel"),
    )
    found: dict[str, dict[Any, RunResult]] = {name: {} for name in order}
    for run in runs:
        found.setdefault(run.strategy, {}).setdefault(run.seed, run)
    return {name: list(seeds.values()) for name, seeds in found.items() if seeds}
