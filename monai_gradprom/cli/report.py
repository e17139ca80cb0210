# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom report`: tables, differences, curves and pictures of a grid's runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Read the runs that `monai-gradprom compare` has left below RUNS and write the paper's tables with its figures beside
the runs' own, paired differences between strategies with confidence intervals, what the gate did, curves and pictures:
report.md, report.html (one file, complete in itself), tables/*.csv and *.tex, figures/*.svg.
"""


def add_parser(subparsers: _SubParsers) -> None:
    """Declare the subcommand and its arguments."""
    parser = subparsers.add_parser(
        "report",
        help="tables, differences, curves and pictures of the runs of compare",
        description=_DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument("runs", metavar="RUNS", type=Path, nargs="+", help="folders of compare")
    parser.add_argument("--output", metavar="DIR", type=Path, help="default: report/ in the first folder of RUNS")
    parser.add_argument(
        "--bm3d",
        metavar="[BUNDLE:]SIGMA=CSV",
        nargs="+",
        default=[],
        help="what BM3D reaches at a noise level, as benchmarks/classical_baselines.py writes it: without it denoising "
        "counts as not compared",
    )
    parser.add_argument(
        "--no-pictures", "--no_pictures", action="store_true", help="none of the data's images in the page"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the report and say where it is; see `main` for the exit code."""
    from ..experiments.report import ReportOptions, report

    names = ("runs", "output", "bm3d", "no_pictures")
    return report(ReportOptions(**{name: getattr(args, name) for name in names}))
