# SPDX-License-Identifier: Apache-2.0
"""Flags of the command line in both spellings."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["flag"]


def flag(group: argparse._ActionsContainer, name: str, **options: Any) -> None:
    """Declare ``--like-this``; ``--like_this``, which MONAI users are used to, is understood and not listed.

    Args:
        group: a parser, or a group of its arguments.
        name: such as ``"--like-this"``.
        options: as in :meth:`argparse.ArgumentParser.add_argument`.
    """
    group.add_argument(name, **options)
    underscored = "--" + name[2:].replace("-", "_")
    if underscored != name:
        group.add_argument(underscored, **{**options, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS})
