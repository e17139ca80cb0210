# SPDX-License-Identifier: Apache-2.0
"""Kinds of switches: booleans, choices, numbers and ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError

__all__ = ["Rule", "as_bool", "boolean", "number", "number_or_range", "one_of"]

Rule = Callable[[str, Any], Any]
"""Called with a switch's name and value; raises :class:`InputError` for what cannot be."""

_SPELLINGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def as_bool(value: Any, name: str = "switch") -> bool:
    """Read a boolean in any usual spelling: a command line delivers ``false`` as a string, which is truthy.

    Raises:
        InputError: for anything but true/false, yes/no, on/off, 1/0.
    """
    text = str(value).strip().lower()
    if text not in _SPELLINGS:
        raise InputError(f"--{name} must be true or false, got {value!r}.")
    return _SPELLINGS[text]


def one_of(names: Iterable[Any]) -> Rule:
    """The rule that admits ``names`` only, and names the nearest of them."""
    allowed = list(names)

    def check(name: str, value: Any) -> None:
        if all(isinstance(choice, str) for choice in allowed):
            check_choice(f"--{name}", value, allowed)
        elif isinstance(value, bool) or value not in allowed:
            raise InputError(f"--{name} must be one of {', '.join(map(str, allowed))}, got {value!r}.")

    return check


def number(low: float, high: float = math.inf, whole: bool = False, open_low: bool = False) -> Rule:
    """The rule that admits numbers from ``low``, which ``open_low`` leaves out, to ``high``."""

    def check(name: str, value: Any) -> None:
        kind = "a whole number" if whole else "a number"
        right_kind = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not right_kind or not low <= value <= high or value == math.inf or (open_low and value == low):
            bounds = f"{'above' if open_low else 'of at least'} {low}" + (
                f" and at most {high}" if high < math.inf else ""
            )
            raise InputError(f"--{name} must be {kind} {bounds}, got {value!r}.")

    return check


def number_or_range(low: float, high: float) -> Rule:
    """The rule that admits a number from ``low`` to ``high``, or a pair of them that increases."""
    one = number(low, high)

    def check(name: str, value: Any) -> None:
        pair = isinstance(value, (list, tuple)) and len(value) == 2
        for each in value if pair else [value]:
            one(name, each)
        if pair and value[0] > value[1]:
            raise InputError(f"--{name} must be one number or a range '[low, high]', got {value!r}.")

    return check


def boolean(name: str, value: Any) -> None:
    """The rule that admits what :func:`as_bool` reads."""
    as_bool(value, name)
