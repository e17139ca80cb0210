# SPDX-License-Identifier: Apache-2.0
"""``--switch value value …`` of a command line as switches with several values."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from monai_gradprom.errors import InputError

__all__ = ["parse_switches", "plain_value"]

_BOOLEANS = {"true": True, "false": False}


def parse_switches(words: Sequence[str]) -> dict[str, list[Any]]:
    """Name → values, in the order in which they were given.

    Args:
        words: what follows on the command line, such as ``--seed 0 1 --amp=true``.

    Raises:
        InputError: a word that belongs to no switch, a switch without a value or given twice.
    """
    switches: dict[str, list[Any]] = {}
    values: list[Any] | None = None
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = name.replace("-", "_")
            if name in switches:
                raise InputError(f"--{name} is given twice: list all its values after one of them.")
            values = switches[name] = [plain_value(value)] if equals else []
        elif values is None:
            raise InputError(f"{word!r} belongs to no switch: write --switch VALUE [VALUE …].")
        else:
            values.append(plain_value(word))
    for name, given in switches.items():
        if not given:
            raise InputError(f"--{name} has no value: give one or several.")
        if len({repr(value) for value in given}) < len(given):
            raise InputError(f"--{name} lists a value twice: leave one out.")
    return switches


def plain_value(text: str) -> Any:
    """A value as MONAI's command line reads it: a Python literal, else a string; JSON's ``true`` and ``false``, too.

    As a string, ``false`` would count as true in a ``network_def``.
    """
    try:
        return _BOOLEANS[text] if text in _BOOLEANS else ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
