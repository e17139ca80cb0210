# SPDX-License-Identifier: Apache-2.0
"""Keeping pydicom silent: its warnings and log lines quote what stands in a patient's header."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pydicom.config

__all__ = ["quiet"]

_LOCK = threading.Lock()
_STATE = ExitStack()
_depth = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, pydicom neither warns nor logs, and takes values as they are, valid or not.

    Header values are converted when they are first asked for, so that asking belongs inside as well. Threads may enter
    it at the same time: the first one sets it up and the last one undoes it.
    """
    global _depth
    with _LOCK:
        _depth += 1
        if _depth == 1:
            _silence(_STATE)
    try:
        yield
    finally:
        with _LOCK:
            _depth -= 1
            if _depth == 0:
                _STATE.close()


def _silence(stack: ExitStack) -> None:
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    logger = logging.getLogger("pydicom")  # its children follow its level
    stack.callback(logger.setLevel, logger.level)
    logger.setLevel(logging.CRITICAL + 1)
    settings = pydicom.config.settings
    modes = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = pydicom.config.IGNORE
    stack.callback(_restore_modes, *modes)


def _restore_modes(reading: int, writing: int) -> None:
    pydicom.config.settings.reading_validation_mode = reading
    pydicom.config.settings.writing_validation_mode = writing
