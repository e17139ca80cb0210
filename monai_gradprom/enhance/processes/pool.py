# SPDX-License-Identifier: Apache-2.0
"""Worker processes that read and write files while this process runs the network.

A decoder is native code that meets files from anywhere: it may crash, hang or take all memory. In a process of its own
it takes one file with it, not the batch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from monai_gradprom.errors import InputError

from .kept_memory import keep_freed_memory
from .shared_frames import SharedFrames

__all__ = ["Infer", "Lost", "WorkerPool"]

Window = tuple[float, float]
Infer = Callable[[np.ndarray, Window], np.ndarray]
"""(units [n, C, X, Y], window) -> the network's result in the same units, which stays until the next call."""
Task = Callable[[Any, Infer], Any]
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
    """

    def __init__(self, count: int, task: Task, serve: Serve, timeout: float) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._task, self._serve, self._timeout = task, serve, timeout
        self._workers = [_Worker(self._context, task) for _ in range(count)]

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
                else:
                    asking.append((worker, worker.frames.get(message[1]), message[2]))
            if asking:
                self._answer(asking)
            for worker in [w for w in busy if w.busy and w.silent_for() > self._timeout]:
                yield worker.job, Lost(f"no progress for {self._timeout:g} s; raise --timeout if it is merely large")
                self._replace(worker)
                self._feed(worker, source)

    def _feed(self, worker: _Worker, source: Iterator[Any]) -> None:
        job = next(source, None)
        if job is None:
            worker.rest()
        else:
            worker.give(job)

    def _replace(self, worker: _Worker) -> None:
        worker.end()
        worker.start(self._context, self._task)

    def _answer(self, asking: list[tuple[_Worker, np.ndarray, Window]]) -> None:
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


class _Worker:
    """One process as seen from here."""

    def __init__(self, context: Any, task: Task) -> None:
        self.start(context, task)

    def start(self, context: Any, task: Task) -> None:
        self.connection, theirs = context.Pipe()
        memory = SharedFrames.allocate(context)
        self.frames = SharedFrames(memory)
        self.process = context.Process(target=_work, args=(theirs, memory, task), daemon=True)
        self.process.start()
        theirs.close()  # so that the worker's end is the only one: its death is the end of the pipe
        self.rest()

    def rest(self) -> None:
        self.job: Any = None
        self.busy = False

    def give(self, job: Any) -> None:
        self.job, self.busy = job, True
        self.send(job)

    def send(self, message: Any) -> None:
        with suppress(OSError):  # if it has died, the pipe's end says so at the next receive
            self.connection.send(message)
        self._heard = time.monotonic()

    def receive(self) -> tuple | None:
        try:
            message: tuple = self.connection.recv()
        except (EOFError, OSError):
            return None
        except MemoryError:  # the rest of its message stays in the pipe
            self.process.kill()
            return None
        self._heard = time.monotonic()
        return message

    def silent_for(self) -> float:
        # what it says while the network runs lies in the pipe
        return 0.0 if self.connection.poll() else time.monotonic() - self._heard

    def cause_of_death(self) -> str:
        self.process.join(timeout=5)
        code = self.process.exitcode or 0
        if code == -signal.SIGKILL:
            return "reading it got its process killed (SIGKILL), as happens when memory runs out"
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"reading it crashed a decoder ({name})"

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def _work(connection: Connection, memory: Any, task: Task) -> None:
    """What a worker process does, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process at the other end
    _be_silent()
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()

    frames = SharedFrames(memory)

    def infer(units: np.ndarray, window: Window) -> np.ndarray:
        connection.send(("infer", frames.put(units), window))
        try:
            answer = connection.recv()
        except MemoryError:  # the rest of the answer stays in the pipe
            os.kill(os.getpid(), signal.SIGKILL)
        if isinstance(answer, InputError):
            raise answer
        return frames.get(answer)

    try:
        while True:
            connection.send(("result", task(connection.recv(), infer)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the other end is gone: leave without flushing anything anywhere


def _end_with_parent() -> None:
    """Do not go on writing when the main process is killed: its successor may be at work already."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)


def _be_silent() -> None:
    # libraries quote header values in what they print, and native ones bypass Python's streams
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
