# SPDX-License-Identifier: Apache-2.0
"""Who does the jobs: processes, or this process itself."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Protocol

import numpy as np

from monai_gradprom.enhance.processes.kept_memory import keep_freed_memory
from monai_gradprom.enhance.processes.pool import Serve, WorkerPool

from .job import perform
from .options import Options
from .setup import Setup, Window

__all__ = ["Workers", "start_workers"]


class Workers(Protocol):
    """What does jobs: see :meth:`WorkerPool.run`."""

    def run(self, jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (job, result)."""


class _ThisProcess:
    """One job after the other, without protection from a decoder's crash: for debugging."""

    def __init__(self, setup: Setup, serve: Serve) -> None:
        self._setup, self._serve = setup, serve

    def run(self, jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        for job in jobs:
            with _quiet():
                result = perform(self._setup, job, self._infer)
            yield job, result

    def _infer(self, units: np.ndarray, window: Window) -> np.ndarray:
        return self._serve([units], [window])[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of libraries quote header values."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def start_workers(options: Options, setup: Setup, serve: Serve) -> AbstractContextManager[Workers]:
    """The workers that ``--workers`` asks for: one for each core that this process may use, by default.

    Args:
        options: of the command line.
        setup: sent to every process.
        serve: the network; it stays here.
    """
    keep_freed_memory(1 << 30)  # for a network on the CPU
    count = options.workers if options.workers is not None else _cores()
    if count == 0:
        return nullcontext(_ThisProcess(setup, serve))
    return WorkerPool(count, partial(perform, setup), serve, options.timeout)


def _cores() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return max(1, len(usable(0)) if usable else os.cpu_count() or 1)
