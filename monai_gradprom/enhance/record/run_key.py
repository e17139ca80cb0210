# SPDX-License-Identifier: Apache-2.0
"""What the results of a run depend on, as one fingerprint and in words."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .paths import printable

__all__ = ["as_json", "differences", "fingerprint"]


def as_json(key: Mapping[str, Any]) -> dict[str, Any]:
    """``key`` as it comes back from a JSON file.

    Raises:
        ValueError, TypeError: a value is nothing that JSON has.
    """
    plain: dict[str, Any] = json.loads(json.dumps(dict(key), allow_nan=False))
    return plain


def fingerprint(key: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal digits, of the key's canonical JSON (names sorted, no spaces, ASCII)."""
    canonical = json.dumps(as_json(key), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which entries of two keys differ, in words: ``strength was 1.0, is 0.5; another weights``."""
    before, now = _flat(before), _flat(now)
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return "; ".join(_words(name, before.get(name), now.get(name)) for name in names)


def _flat(key: Mapping[str, Any]) -> dict[str, Any]:
    flat = dict(as_json(key))
    for name, value in list(flat.items()):
        if isinstance(value, dict):
            del flat[name]
            flat.update({f"{name} {inner}": v for inner, v in value.items()})
    return flat


def _words(name: str, before: Any, now: Any) -> str:
    name = name.replace("_", " ")
    if any(isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in (before, now)):
        return f"{name} differ"
    return f"{name} was {_shown(before)}, is {_shown(now)}"


def _shown(value: Any) -> str:
    return "not given" if value is None else printable(json.dumps(value, ensure_ascii=False))
