# SPDX-License-Identifier: Apache-2.0
"""Why a bundle's process failed, from what it printed."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from monai_gradprom.enhance.record.paths import printable

__all__ = ["reason_in"]

_TAIL = 20_000
_LONGEST = 300

# the unindented lines that end a traceback: the exception, and what more it says
_EXCEPTION = re.compile(
    r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)\b.*(?:\n(?!Traceback|The above|During|\s*$).+)*", re.MULTILINE
)
_LINK = re.compile(r"^The above exception was the direct cause of the following exception:$", re.MULTILINE)


def reason_in(log: Path, code: int) -> str:
    """Why a process has failed, in one line.

    The sentence after ``error:`` that it ended with; else the exception that it ended with, its cause first
    (MONAI's resolver wraps every other in its own); else its last line.

    Args:
        log: what it printed; may be missing.
        code: its exit code; negative: the number of the signal that ended it.

    Returns:
        without control characters, at most 300 characters and the exit code.
    """
    if code < 0:
        try:
            return f"ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"ended by signal {-code}"
    return printable(_said_last(_end_of(log))[:_LONGEST]) + f" (exit code {code})"


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            return file.read().decode(errors="replace").replace("\r", "\n")
    except OSError:
        return ""


def _said_last(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    sentences = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if sentences:
        return sentences[-1]
    exceptions = list(_EXCEPTION.finditer(text))
    if not exceptions or exceptions[-1].end() < len(text.rstrip()):
        return (lines or ["it said nothing"])[-1]
    wrapped = len(exceptions) > 1 and _LINK.search(text, exceptions[-2].end())
    return ", in ".join(" ".join(found.group().split()) for found in exceptions[-2 if wrapped else -1 :])
