# SPDX-License-Identifier: Apache-2.0
"""Run the grids behind docs/results.md, each with its judge, BM3D and report.

    python benchmarks/results_runs.py covid_converged --dataset_dir COVID_CT --output runs --jobs 2
    python benchmarks/results_runs.py covid_converged --dataset_dir COVID_CT --output runs --print   # only say how

NAME is a grid of results_grids.py. Its runs go to OUTPUT/NAME; what grids share (recognizers of clean images, parts of
a data set, BM3D) lies beside it in OUTPUT and is made once. Broken off, the same command goes on. The report's tables
become those of docs/results/ by ``make results ARGS="NAME=OUTPUT/NAME/report"``. Exit code: that of the first step
that fails, or 0; 2 if OUTPUT holds grids of another --dataset_dir.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from results_grids import GRIDS, Grid
from results_steps import Command, Part, Recognizers, Step, Table

CLI = (sys.executable, "-m", "monai_gradprom.cli")


@dataclass(frozen=True)
class Setting:
    """Where the data are, where runs go, and how many run at a time."""

    dataset_dir: Path
    output: Path
    jobs: int

    def datalist(self, part: str) -> Path:
        """The datalist of a part of the data."""
        return self.output / f"{part}.json"

    def recognizers(self, judge: str) -> Path:
        """The folder of a clean grid's recognizers."""
        return self.output / f"{judge}_recognizers"

    def data(self, grid: Grid) -> list[str]:
        """The switches that name a grid's images."""
        if grid.datalist:
            return ["--datalist", str(self.datalist(grid.datalist))]
        return ["--dataset_dir", str(self.dataset_dir)]


def main(arguments: list[str] | None = None) -> int:
    """Run, or with ``--print`` show, every step of one grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grid", choices=GRIDS, metavar="NAME", help=", ".join(GRIDS))
    parser.add_argument("--dataset_dir", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--print", action="store_true", help="only show the commands")
    args = parser.parse_args(arguments)
    setting = Setting(args.dataset_dir.absolute(), args.output.absolute(), args.jobs)
    if args.print:
        print(*steps(args.grid, setting), sep="\n")
        return 0
    setting.output.mkdir(parents=True, exist_ok=True)
    _same_data(setting, GRIDS[args.grid].bundle)
    return next((code for code in (step.run() for step in steps(args.grid, setting)) if code), 0)


def _same_data(setting: Setting, bundle: str) -> None:
    """End with a message where grids of other data lie in the output: judges, parts and BM3D would be theirs."""
    note = setting.output / f"{bundle}.txt"
    before = note.read_text(encoding="utf-8").strip() if note.is_file() else str(setting.dataset_dir)
    if before != str(setting.dataset_dir):
        print(
            f"--output {setting.output} holds grids of {before}; choose another, or that --dataset_dir.",
            file=sys.stderr,
        )
        sys.exit(2)
    note.write_text(f"{before}\n", encoding="utf-8")


def steps(name: str, setting: Setting) -> Iterator[Step]:
    """All that a grid takes, in order."""
    grid = GRIDS[name]
    if grid.judge:
        yield from _runs(grid.judge, setting)
        yield Recognizers(setting.output / grid.judge, setting.recognizers(grid.judge))
    yield from _runs(name, setting)
    words = [*CLI, "report", str(setting.output / name), "--no-pictures"]
    if grid.bm3d:
        measured = setting.output / f"bm3d_{grid.bundle}_{grid.bm3d}.csv"
        if not measured.is_file():
            yield Table(_bm3d(grid, setting), measured)
        words += ["--bm3d", f"{grid.bundle}:{grid.bm3d}={measured}"]
    yield Command(words)


def _runs(name: str, setting: Setting) -> Iterator[Step]:
    """The data and the runs of a grid, without its judge."""
    grid = GRIDS[name]
    if grid.datalist and not setting.datalist(grid.datalist).is_file():
        whole = setting.datalist(grid.bundle)
        if not whole.is_file():
            kind = grid.bundle.partition("_")[0]
            yield Command([*CLI, "prepare", kind, str(setting.dataset_dir), "--output", str(whole)])
        yield Part(whole, setting.datalist(grid.datalist))
    places = {"bundle": f"bundles/{grid.bundle}", "judge": setting.recognizers(grid.judge)}
    for compare in grid.compares:
        words = [*CLI, "compare", "--bundle", f"bundles/{grid.bundle}", *setting.data(grid)]
        words += [Template(word).substitute(places) for word in shlex.split(compare)]
        words += ["--fixed-recognizer", str(setting.recognizers(grid.judge))] if grid.judge else []
        yield Command([*words, "--jobs", str(setting.jobs), "--output", str(setting.output / name)])


def _bm3d(grid: Grid, setting: Setting) -> list[str]:
    """The command that measures classical denoisers on a grid's images."""
    words = [sys.executable, "benchmarks/classical_baselines.py", "--bundle", f"bundles/{grid.bundle}"]
    words += [*setting.data(grid), "--subset", "testing", "--resize", "96", "--noise_sigma", grid.bm3d]
    return [*words, "--methods", "noisy", "nlm", "bm3d"]


if __name__ == "__main__":
    sys.exit(main())
