# SPDX-License-Identifier: Apache-2.0
"""The `monai-gradprom` command line.

Each subcommand is a module of this package with `add_parser(subparsers)` and `run(args) -> int`; what is heavy is
imported inside `run`, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from ..errors import InputError
from . import compare, enhance, label_app, prepare, report, sample_data

__all__ = ["main"]

_COMMANDS = (enhance, label_app, prepare, sample_data, compare, report)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, as after any other mistake in the input."""
        self.exit(2, f"monai-gradprom: error: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; `sys.argv[1:]` by default.

    Returns:
        The exit code: 0, 2 after a mistake in the input (said in one line on stderr), 130 when interrupted.
    """
    parser = _Parser(prog="monai-gradprom", description="Task-driven medical image enhancement on MONAI.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    args, others = parser.parse_known_args(argv)
    if getattr(args, "takes_switches", False):
        args.switches = others
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    try:
        return int(args.run(args))
    except InputError as error:
        line = "\\n".join(str(error).splitlines())  # names of files may hold line breaks
        print(f"monai-gradprom: error: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("monai-gradprom: interrupted", file=sys.stderr)
        return 130
