# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom label-app`: write an app for MONAI Label."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: _SubParsers) -> None:
    """Declare the subcommand and its arguments."""
    parser = subparsers.add_parser(
        "label-app",
        help="write an app for MONAI Label",
        description="Write an app for MONAI Label to DIR that enhances the images of a datastore with the given "
        "bundles and keeps the results there as images. MONAI Label itself is not needed for this.",
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="folder of the app; new or empty")
    parser.add_argument(
        "--bundle", metavar="FOLDER", type=Path, nargs="+", required=True, help="bundles to copy into the app"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the app and say how to start it."""
    from ..label.write_app import write_app

    write_app(args.directory, args.bundle)
    print(f"{args.directory} is ready; in an environment with monailabel and monai-gradprom:")
    print(f"  monailabel start_server --app {args.directory} --studies STUDIES --host 127.0.0.1")
    return 0
