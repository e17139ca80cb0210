# SPDX-License-Identifier: Apache-2.0
"""What a report shows, before it has a form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .charts import front_chart, sweep_chart, training_chart
from .groups import Setting, settings
from .own_tables import difference_table, gate_table, quality_table
from .paper_tables import paper_table
from .pictures import Picture, pictures_of
from .read import RunResult
from .settled import Baselines, under_trained
from .sweep import Sweep, sweep_table, sweeps
from .table import Table

__all__ = ["Contents", "Part", "make_contents"]


@dataclass
class Part:
    """One setting, or settings that differ in the recognizers' weight alone.

    Args:
        name: of its files.
        title: in words.
        tables: quality, differences, gate; those that have rows.
        training: curves over the epochs, an SVG or empty.
        front: quality against recognition, an SVG or empty.
        pictures: what evaluations have drawn.
    """

    name: str
    title: str
    tables: list[Table]
    training: str
    front: str
    pictures: list[Picture]


@dataclass
class Contents:
    """All of a report.

    Args:
        facts: what was run, where, with what.
        parts: a part for each setting.
        paper_tables: the paper's tables for which there are runs.
        unfinished: name → reason of runs that are not finished.
    """

    facts: dict[str, str]
    parts: list[Part]
    paper_tables: list[Table]
    unfinished: dict[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> list[Table]:
        """All tables."""
        return [table for part in self.parts for table in part.tables] + self.paper_tables


def make_contents(runs: Sequence[RunResult], unfinished: dict[str, str], baselines: Baselines) -> Contents:
    """Group the runs and make every table and chart of them."""
    verdicts = {run: under_trained(run, runs, baselines) for run in runs}
    parts = []
    for bundle in dict.fromkeys(run.bundle for run in runs):
        found = settings([run for run in runs if run.bundle == bundle])
        parts += [_swept(sweep, bundle, verdicts) for sweep in sweeps(found)]
        parts += [_part(setting, bundle, verdicts) for setting in found]
    tables = [paper_table(number, runs, verdicts.get) for number in range(1, 9)]
    return Contents(_facts(runs), parts, tables, unfinished)


def _part(setting: Setting, bundle: str, verdicts: dict[RunResult, str | None]) -> Part:
    title = f"{bundle}: {setting.title}"
    name = _file_name(title)
    tables = [
        quality_table(setting, f"{name}_quality", verdicts.get),
        difference_table(setting, f"{name}_differences", verdicts.get),
        gate_table(setting, f"{name}_gate"),
    ]
    for table, what in zip(tables, ("test set", "differences between strategies", "the gate"), strict=True):
        table.title = f"{title}: {what}"
    kept = tables[:1] + [table for table in tables[1:] if table.rows]
    return Part(name, title, kept, training_chart(setting), front_chart(setting), pictures_of(setting))


def _swept(sweep: Sweep, bundle: str, verdicts: dict[RunResult, str | None]) -> Part:
    title = f"{bundle}: {sweep.title}"
    name = _file_name(title)
    table = sweep_table(sweep, f"{name}_quality", verdicts.get)
    table.title = f"{title}: test set"
    return Part(name, title, [table], "", sweep_chart(sweep), [])


def _file_name(title: str) -> str:
    return re.sub(r"[^\w.=-]+", "_", title)


def _facts(runs: Sequence[RunResult]) -> dict[str, str]:
    """What stands at the head of a report; of what differs between runs, all values."""
    facts = {
        "Runs": str(len(runs)),
        "Bundles": _values(f"{run.bundle} {run.record['bundle_version']}" for run in runs),
        "Strategies": _values(run.strategy for run in runs),
        "Seeds": _values(run.seed for run in runs),
        "Computing time, shared warm-ups apart": f"{sum(run.seconds for run in runs) / 3600:.2f} h",
        "Data": _values(run.switches.get("datalist") or run.switches.get("dataset_dir", "sample data") for run in runs),
    }
    names = dict.fromkeys(name for run in runs for name in run.record.get("versions", {}))
    return facts | {name: _values(run.record["versions"].get(name, "unknown") for run in runs) for name in names}


def _values(values: object) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values))  # type: ignore[attr-defined]
