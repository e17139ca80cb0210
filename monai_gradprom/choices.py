# SPDX-License-Identifier: Apache-2.0
"""Checking an argument that must be one of a few names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from monai_gradprom.errors import InputError

__all__ = ["check_choice"]


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
