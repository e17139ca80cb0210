# SPDX-License-Identifier: Apache-2.0
"""A user's mistake ends a command line in one sentence; a program's fault keeps its traceback."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from types import TracebackType

from tqdm import tqdm

from monai_gradprom.errors import InputError

__all__ = ["exit_in_one_line", "find_input_error", "is_bundle_process"]

# a worker process sends an exception as the text of its traceback, whose lines about an error are not indented
_FROM_WORKER = re.compile(rf"^{re.escape(f'{InputError.__module__}.{InputError.__name__}')}: (.+)$", re.MULTILINE)


def is_bundle_process() -> bool:
    """Whether this process is ``python -m monai.bundle``, and not MONAI Label or somebody's own program."""
    return Path(sys.argv[0]).parts[-3:] == ("monai", "bundle", "__main__.py")


def exit_in_one_line() -> None:
    """In a ``python -m monai.bundle`` process, let an :class:`InputError` be the last line, without a traceback.

    MONAI's resolver wraps every exception in its own; ignite logs it before it passes it on. Both are cut to the
    sentence that the user can act on. The exit code stays 1. Elsewhere nothing is touched.
    """
    if not is_bundle_process() or sys.excepthook is _report:
        return
    sys.excepthook = _report
    for handler in [*logging.getLogger().handlers, *(logging.lastResort,)]:
        if handler is not None:
            handler.addFilter(_not_an_announcement)


def find_input_error(error: BaseException | None) -> InputError | None:
    """The :class:`InputError` at the bottom of a chain of exceptions, if there is one.

    One that was raised in a DataLoader's worker process arrives as text and is made anew.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        sentences = _FROM_WORKER.findall(str(error))
        if sentences:
            return InputError(sentences[-1])
        if isinstance(error, InputError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    found = find_input_error(error)
    if found is None:
        sys.__excepthook__(kind, error, trace)
        return
    # a bar that is still open would share its line with the sentence, and end with an empty one
    for bar in list(getattr(tqdm, "_instances", ())):
        bar.close()
    sys.stdout.flush()
    print(f"error: {found}", file=sys.stderr, flush=True)


def _not_an_announcement(record: logging.LogRecord) -> bool:
    """Drop what ignite logs while an :class:`InputError` passes through: :func:`_report` is about to say it."""
    return record.levelno < logging.ERROR or find_input_error(sys.exc_info()[1]) is None
