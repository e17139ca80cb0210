# SPDX-License-Identifier: Apache-2.0
"""The paper's Tables 1 to 8 with its figures and the runs' own, row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .groups import agrees, varying
from .layouts import LAYOUTS, Layout, RowOf
from .paper import Printed, column, contradictions, printed
from .read import RunResult
from .statistics import mean_and_std
from .table import Row, Table

__all__ = ["paper_table"]

Judge = Callable[[RunResult], str | None]

_DECIMALS = {"psnr": 2, "ssim": 4, "accuracy": 3, "miou": 3}
_DECIDED = ("strategy", "supervised", "recognition", "noise_sigma", "scale_factor", "seed", "bundle")
# what a recognizer by itself is asked about is the degraded image
_VIEW = {"recognizer_only": {"accuracy": "accuracy_input", "miou": "miou_input"}}


def paper_table(number: int, runs: Sequence[RunResult], judge: Judge) -> Table:
    """Table ``number`` in the paper's form.

    Under each of the paper's rows stands the runs' own, mean ± sample standard deviation over seeds, once for each
    variant of what the table leaves open (backbone in Tables 1 to 4, weight, budget …). Rows that the paper does not
    have are added. A figure that the paper contradicts elsewhere bears a letter, explained below.

    Args:
        number: 1 to 8.
        runs: all finished runs.
        judge: why a run is under-trained, or None.
    """
    layout, paper = LAYOUTS[number], printed(number)
    columns = list(dict.fromkeys(title for row in paper.values() for title in row))
    columns.sort(key=lambda title: (title.startswith("Sup."), title.rpartition(" ")[0], _rank(title)))
    table = Table(f"table{number}", layout.title, ("method", "from"), columns)
    table.notes += [layout.note] if layout.note else []
    titles = [row.title for row in layout.rows]
    order = sorted({*paper, *titles}, key=lambda title: _place(title, list(paper), titles))
    flags: set[str] = set()
    for title in order:
        if title in paper:
            cells = {name: _shown(cell) for name, cell in paper[title].items()}
            table.rows.append(Row((title, "paper"), cells, kind="paper"))
            flags |= {flag for cell in paper[title].values() for flag in cell.flags}
        for row in layout.rows:
            if row.title == title:
                table.rows += _own(row, layout, columns, runs, judge)
    table.notes += [f"({flag}) {contradictions()[flag]}" for flag in sorted(flags)]
    return table


def _place(title: str, paper: list[str], own: list[str]) -> tuple[float, int]:
    """The paper's order; a row of ours alone goes before the next row that both have."""
    if title in paper:
        return (paper.index(title), 0)
    after = [paper.index(other) for other in own[own.index(title) :] if other in paper]
    return (min(after, default=len(paper)) - 0.5, own.index(title))


def _rank(title: str) -> int:
    return list(_DECIMALS).index(column(title).metric)


def _shown(cell: Printed) -> str:
    return cell.text + (f" ({', '.join(cell.flags)})" if cell.flags else "")


def _own(row: RowOf, layout: Layout, columns: list[str], runs: Sequence[RunResult], judge: Judge) -> list[Row]:
    wanted = {**layout.wanted, **row.wanted, "bundle": row.bundle or layout.bundle}
    mine = [run for run in runs if agrees(run, wanted)]
    open_names = varying(mine, without=_DECIDED)
    variants: dict[str, list[RunResult]] = {}
    for run in mine:
        told = [f"{name} {run.switches.get(name)}" for name in open_names if name not in run.ignored]
        variants.setdefault(", ".join(told), []).append(run)
    found = []
    for variant, some in variants.items():
        cells: dict[str, str] = {}
        used: list[RunResult] = []
        for title in columns:
            cell, which = _cell(title, row, some)
            cells |= {title: cell} if cell else {}
            used += which
        if cells:
            seeds = len({run.seed for run in used})
            who = f"ours, {seeds} seed{'' if seeds == 1 else 's'}" + (f", {variant}" if variant else "")
            why = sorted({reason for run in used if (reason := judge(run))})
            marks = ("under-trained", *why) if why else ()
            found.append(Row((row.title, who), cells, marks, "ours"))
    return found


def _cell(title: str, row: RowOf, runs: Sequence[RunResult]) -> tuple[str, list[RunResult]]:
    wanted = column(title)
    name = _VIEW.get(str(row.wanted["strategy"]), {}).get(wanted.metric, wanted.metric)
    if row.wanted["strategy"] == "recognizer_only" and name == wanted.metric:
        return "", []  # it enhances nothing
    asked = {
        name: value
        for name, value in (
            ("supervised", wanted.supervised),
            ("noise_sigma", wanted.sigma),
            ("scale_factor", wanted.factor),
        )
        if value is not None
    }
    values: list[float] = []
    used: list[RunResult] = []
    for run in runs:
        metrics = run.metrics if row.tested_on is None else run.transferred(row.tested_on)
        value = metrics.get(name)
        if agrees(run, asked) and value is not None and value == value and run.seed not in {u.seed for u in used}:
            values.append(value)
            used.append(run)
    if not values:
        return "", []
    mean, std = mean_and_std(values)
    digits = _DECIMALS[wanted.metric]
    return f"{mean:.{digits}f}" + (f" ± {std:.{digits}f}" if std is not None else ""), used
