# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom compare`: run a bundle's training over a grid of its switches."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .flags import flag

if TYPE_CHECKING:
    _SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Train and evaluate a bundle over a grid: any of its switches may be given several values, and each combination is a run
of its own below OUTPUT, with its configuration, versions, logs, curves, metrics and checkpoint. Combinations that mean
the same are run once, and what strategies have in common until the recognizers are cascaded is trained once. Killed or
cut off, the same command goes on where it was; what is finished is never computed again.
"""
_EPILOG = """\
Example: monai-gradprom compare --bundle bundles/isic2018_denoise --strategy enhancer_only joint frozen gradprom
--supervised true false --noise_sigma 0.1 0.3 --seed 0 1 2 --output runs/isic. Exit code: 0, or 1 if a run failed, or 2
if the command is at fault.
"""


def add_parser(subparsers: _SubParsers) -> None:
    """Declare the subcommand and its arguments; the bundle's switches are left to `run`."""
    parser = subparsers.add_parser(
        "compare",
        help="train and evaluate a bundle over a grid of its switches",
        usage="%(prog)s --bundle DIR --output DIR [options] [--SWITCH VALUE [VALUE ...] ...]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("--bundle", metavar="DIR", type=Path, required=True, help="such as bundles/isic2018_denoise")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="a new folder, or an earlier grid's")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="runs at a time on each device (1)")
    parser.add_argument(
        "--device", metavar="NAME", nargs="+", default=[], help="such as cpu, or cuda:0 cuda:1; default: the bundle's"
    )
    parser.add_argument(
        "--figures",
        metavar="NAME",
        nargs="*",
        default=["panels", "cam"],
        help="what evaluations draw: panels, cam, guided_backprop (default: panels cam)",
    )
    flag(
        parser,
        "--test-on",
        metavar="BUNDLE[=DATASET_DIR]",
        nargs="+",
        default=[],
        help="test each trained enhancer on another bundle's set too, degraded alike",
    )
    flag(
        parser,
        "--fixed-recognizer",
        metavar="PATH",
        type=Path,
        help="recognizers, such as a run's folder, that judge every run's images beside the run's own",
    )
    parser.add_argument("--tracking", metavar="NAME", help="MONAI's experiment tracking: mlflow, or a settings file")
    flag(parser, "--dry-run", action="store_true", help="only list the runs, and what of them is to do")
    parser.set_defaults(run=run, takes_switches=True)


def run(args: argparse.Namespace) -> int:
    """Run the grid; see `main` for the exit code."""
    from ..experiments.compare import CompareOptions, compare

    names = ["bundle", "output", "switches", "jobs", "device", "figures", "test_on", "fixed_recognizer"]
    names += ["tracking", "dry_run"]
    try:
        return compare(CompareOptions(**{name: getattr(args, name) for name in names}))
    except KeyboardInterrupt:
        print("monai-gradprom: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
