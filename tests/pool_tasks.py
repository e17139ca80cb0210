# SPDX-License-Identifier: Apache-2.0
"""What the workers of test_pool.py do; spawned processes import it by name."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import numpy as np


def work(job: tuple[str, Any], infer: Any) -> Any:
    """One of a few behaviours, by name."""
    what, value = job
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "exit":
        os._exit(7)
    if what == "raise":
        raise RuntimeError(value)
    if what == "hang":
        time.sleep(600)
    if what == "print":
        print(value)
        print(value, file=sys.stderr)
        os.write(2, value.encode())
        return what
    if what == "pid":
        time.sleep(0.05)
        return os.getpid()
    if what == "square":
        rows = np.broadcast_to(np.arange(value, dtype=np.float32), (1, 1, value, value))
        return infer(rows, (0.0, 1.0))[0, 0, -1].sum(dtype=np.float64).item()
    if what == "modules":
        return sorted(set(value) & set(sys.modules))
    try:
        return infer(np.full((1, 1, 2, 2), value, np.float32), (0.0, 1.0)).mean().item()
    except ValueError as error:
        return f"refused: {error}"


def greedy(job, infer):
    """Take so much memory for a moment; whether to survive if there is none."""
    size, patient = job
    try:
        return int(np.ones(size, np.uint8).sum())
    except MemoryError:
        if patient:
            return "refused"
        raise
