# SPDX-License-Identifier: Apache-2.0
"""Checking an argument that must be one of a few names, or a boolean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from monai_gradprom.errors import InputError

__all__ = ["check_boolean", "check_choice"]


def check_choice(argument: str, value: object, choices: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``choices``.

    Args:
        argument: name of the argument or switch, for the message.
        value: what the user gave.
        choices: the names that are allowed.

    Raises:
        InputError: names the argument, the value, the nearest allowed name and all allowed names.
    """
    names = list(choices)
    if isinstance(value, str) and value in names:
        return value
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"{argument} {value!r} is unknown: {hint}Choose one of {', '.join(names)}.")


def check_boolean(argument: str, value: object) -> bool:
    """Return ``value`` if it is a boolean: from a command line ``no`` and ``false`` come as texts, which count as true.

    Raises:
        InputError: names the argument and the value.
    """
    if isinstance(value, bool):
        return value
    raise InputError(f"{argument} is {value!r}; write True or False (true or false in JSON).")
