# SPDX-License-Identifier: Apache-2.0
"""The `monai-gradprom` command line.

Each subcommand is a module of this package with `add_parser(subparsers)` and `run(args) -> int`; what is heavy is
imported inside `run`, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .. import __version__
from ..errors import InputError
from . import prepare, sample_data

__all__ = ["main"]

_COMMANDS = (prepare, sample_data)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; `sys.argv[1:]` by default.

    Returns:
        The exit code: 0, 2 after a mistake in the input (said in one line on stderr), 130 when interrupted.
    """
    parser = argparse.ArgumentParser(
        prog="monai-gradprom", description="Task-driven medical image enhancement on MONAI."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except InputError as error:
        print(f"monai-gradprom: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("monai-gradprom: interrupted", file=sys.stderr)
        return 130
