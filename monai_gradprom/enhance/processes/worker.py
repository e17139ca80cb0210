# SPDX-License-Identifier: Apache-2.0
"""One worker process: what it does, and how it is seen from the process that runs the network."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from monai_gradprom.errors import InputError

from .kept_memory import keep_freed_memory
from .memory_limit import limit_memory
from .shared_frames import SharedFrames

__all__ = ["Infer", "Task", "Window", "Worker", "be_silent"]

Window = tuple[float, float]
Infer = Callable[[np.ndarray, Window], np.ndarray]
"""(units [n, C, X, Y], window) -> the network's result in the same units, which stays until the next call."""
Task = Callable[[Any, Infer], Any]
_START = 60.0  # seconds that a process may take to come up on a busy machine


class Worker:
    """One process as seen from here."""

    def __init__(self, context: Any, task: Task, memory: int | None = None) -> None:
        self._memory = memory
        self.start(context, task)

    def start(self, context: Any, task: Task) -> None:
        """Start a process, the first or a new one in place of a dead one."""
        self.connection, theirs = context.Pipe()
        memory = SharedFrames.allocate(context)
        self.frames = SharedFrames(memory)
        self.process = context.Process(target=_work, args=(theirs, memory, task, self._memory), daemon=True)
        self.process.start()
        self._up = False
        theirs.close()  # so that the worker's end is the only one: its death is the end of the pipe
        self.rest()

    def rest(self) -> None:
        """Have nothing to do."""
        self.job: Any = None
        self.busy = False

    def give(self, job: Any) -> None:
        """Hand over a job."""
        self.job, self.busy = job, True
        self.send(job)

    def send(self, message: Any) -> None:
        """Say something; to a dead process it goes unsaid."""
        with suppress(OSError):  # if it has died, the pipe's end says so at the next receive
            self.connection.send(message)
        self._heard = time.monotonic()

    def receive(self) -> tuple | None:
        """What the process says next, or None if it is dead."""
        try:
            message: tuple = self.connection.recv()
        except (EOFError, OSError):
            return None
        except MemoryError:  # the rest of its message stays in the pipe
            self.process.kill()
            return None
        self._heard = time.monotonic()
        self._up = True
        return message

    def silent_for(self) -> float:
        """Seconds since anything was said by either side; a new process has some more to begin with."""
        if self.connection.poll():  # what it says while the network runs lies in the pipe
            return 0.0
        return time.monotonic() - self._heard - (0 if self._up else _START)

    def cause_of_death(self) -> str:
        """In words for the manifest."""
        self.process.join(timeout=5)
        code = self.process.exitcode or 0
        if code == -signal.SIGKILL:
            return "reading it got its process killed (SIGKILL), as happens when memory runs out"
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"reading it crashed a decoder ({name})"

    def end(self) -> None:
        """Kill the process, whatever it is doing."""
        self.connection.close()
        self.process.kill()
        self.process.join()


def _work(connection: Connection, memory: Any, task: Task, allowed: int | None) -> None:
    """What a worker process does, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process at the other end
    be_silent()
    keep_freed_memory()
    if allowed is not None:
        limit_memory(allowed)
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
        connection.send(("up",))
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


def be_silent() -> None:
    """Print nothing any more: libraries quote header values, and native ones bypass Python's streams."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
