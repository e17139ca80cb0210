# SPDX-License-Identifier: Apache-2.0
"""Who does the jobs: processes here or on other machines, or this process itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from monai_gradprom.cores import usable_cores
from monai_gradprom.enhance.processes.kept_memory import keep_freed_memory
from monai_gradprom.enhance.processes.memory_limit import ceiling
from monai_gradprom.enhance.processes.pool import Serve, WorkerPool
from monai_gradprom.enhance.processes.worker import Task

from .job import perform
from .options import Options
from .setup import Setup, Window

if TYPE_CHECKING:
    from .model.network import BundleNetwork

__all__ = ["Workers", "local_workers", "start_workers"]


class Workers(Protocol):
    """What does jobs: see :meth:`WorkerPool.run`."""

    def run(self, jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (job, result)."""


class _ThisProcess:
    """One job after the other, without protection from a decoder's crash: for debugging."""

    def __init__(self, task: Task, serve: Serve) -> None:
        self._task, self._serve = task, serve

    def run(self, jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        for job in jobs:
            with _quiet():
                result = self._task(job, self._infer)
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


def start_workers(options: Options, setup: Setup, network: BundleNetwork) -> AbstractContextManager[Workers]:
    """The workers that ``--engine`` and ``--workers`` ask for: by default here, one more than there are cores.

    Args:
        options: of the command line.
        setup: sent to every process.
        network: does its work in this process; those of a cluster load their own.
    """
    if options.engine == "ray":
        from .cluster.engine import ray_workers

        return ray_workers(options, setup, perform, network)
    keep_freed_memory(1 << 30)  # for a network on the CPU
    count = options.workers if options.workers is not None else usable_cores() + 1
    serve = partial(network.infer, batch_size=options.batch_size)
    return local_workers(count, partial(perform, setup), serve, options.timeout, ceiling(options.memory))


def local_workers(
    count: int, task: Task, serve: Serve, timeout: float, memory: int | None = None
) -> AbstractContextManager[Workers]:
    """``count`` processes as :class:`WorkerPool` has them; 0: everything in this process, whatever memory it takes."""
    return nullcontext(_ThisProcess(task, serve)) if count == 0 else WorkerPool(count, task, serve, timeout, memory)
