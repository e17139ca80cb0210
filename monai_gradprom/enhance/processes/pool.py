# SPDX-License-Identifier: Apache-2.0
"""Worker processes that read and write files while this process runs the network.

A decoder is native code that meets files from anywhere: it may crash, hang or take all memory. In a process of its own
it takes one file with it, not the batch.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

import numpy as np

from monai_gradprom.errors import InputError

from .worker import Infer, Task, Window, Worker

__all__ = ["Infer", "Lost", "Serve", "WorkerPool"]

Serve = Callable[[Sequence[np.ndarray], Sequence[Window]], Sequence[np.ndarray]]
_TICK = 0.5  # seconds between looks at the clock


@dataclass(frozen=True)
class Lost:
    """What comes back for a job whose worker died or was ended because it fell silent."""

    reason: str


class WorkerPool:
    """``count`` processes, each busy with one job at a time.

    Args:
        count: number of processes; they start at once and live until :meth:`close`.
        task: called in the workers as ``task(job, infer)``; must be picklable, as must jobs and results. What it raises
            is the worker's death.
        serve: called here with the requests of one or more workers; an :class:`InputError` that it raises is raised
            again in the worker whose request caused it.
        timeout: seconds after which a worker is ended that neither answers nor asks for anything.
        memory: bytes that each of them may take beyond what it begins with, see :mod:`.memory_limit`; None: any.
    """

    def __init__(self, count: int, task: Task, serve: Serve, timeout: float, memory: int | None = None) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._task, self._serve, self._timeout = task, serve, timeout
        self._workers = [Worker(self._context, task, memory) for _ in range(count)]

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (job, result) in the order in which they get finished; the result is :class:`Lost` after a death.

        Jobs are taken from the iterable only as workers become free.
        """
        source = iter(jobs)
        for worker in self._workers:
            self._feed(worker, source)
        while busy := [worker for worker in self._workers if worker.busy]:
            asking = []
            for connection in wait([worker.connection for worker in busy], timeout=_TICK):
                worker = next(w for w in busy if w.connection is connection)
                message = worker.receive()
                if message is None:
                    yield worker.job, Lost(worker.cause_of_death())
                    self._replace(worker)
                    self._feed(worker, source)
                elif message[0] == "result":
                    finished = worker.job
                    self._feed(worker, source)
                    yield finished, message[1]
                elif message[0] == "infer":
                    asking.append((worker, worker.frames.get(message[1]), message[2]))
            if asking:
                self._answer(asking)
            for worker in [w for w in busy if w.busy and w.silent_for() > self._timeout]:
                yield worker.job, Lost(f"no progress for {self._timeout:g} s; raise --timeout if it is merely large")
                self._replace(worker)
                self._feed(worker, source)

    def _feed(self, worker: Worker, source: Iterator[Any]) -> None:
        job = next(source, None)
        if job is None:
            worker.rest()
        else:
            worker.give(job)

    def _replace(self, worker: Worker) -> None:
        worker.end()
        worker.start(self._context, self._task)

    def _answer(self, asking: list[tuple[Worker, np.ndarray, Window]]) -> None:
        answers: Sequence[np.ndarray | InputError]
        try:
            answers = self._serve([units for _, units, _ in asking], [window for *_, window in asking])
        except InputError as error:
            # one file must not spoil those that were to share its batch
            answers = [self._alone(units, window) for _, units, window in asking] if len(asking) > 1 else [error]
        for (worker, *_), answer in zip(asking, answers, strict=True):
            worker.send(answer if isinstance(answer, InputError) else worker.frames.put(answer))

    def _alone(self, units: np.ndarray, window: Window) -> np.ndarray | InputError:
        try:
            return self._serve([units], [window])[0]
        except InputError as error:
            return error

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in self._workers:
            worker.end()
