# SPDX-License-Identifier: Apache-2.0
"""Thousands of broken files through the code that reads and writes, in processes with little memory and time.

    python tests/hostile_run.py enhance png,bmp 7 0 1000   # target, kinds, seed, numbers from and to

prints a line of JSON for each file that did harm, and one with counts. The process that prints has everything imported
and forks for the work; one that dies or falls silent is replaced and goes on behind the file that it died of.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

__all__ = ["ROOM", "run_hostile"]

ROOM = 1 << 30
"""Bytes of memory that a process may take beyond what it begins with."""

_SECONDS, _START = 30, 120  # for one file; for the first one, with which libraries are loaded


def run_hostile(target, kinds, seed, start, stop):
    """Files that did harm, and how many there were of each outcome; see :func:`hostile_targets.TARGETS`."""
    command = [sys.executable, __file__, target, ",".join(kinds), str(seed), str(start), str(stop)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=3600)
    assert done.returncode == 0, done.stderr
    *harm, counts = map(json.loads, done.stdout.splitlines())
    return harm, counts


def _main(target, kinds, seed, start, stop):
    from hostile_targets import TARGETS, preload

    preload(TARGETS[target])
    counts, slowest, largest = Counter(), 0.0, 0
    for kind in kinds.split(","):
        number = start
        while number < stop:
            for line in _guarded(TARGETS[target], kind, seed, number, stop):
                number = line["number"] + 1
                counts[f"{kind} {line['outcome']}"] += 1
                slowest, largest = max(slowest, line["seconds"]), max(largest, line["peak"])
                if line["outcome"] in ("harm", "crash", "hang"):
                    print(json.dumps({"target": target, "kind": kind, "seed": seed, **line}), flush=True)
    print(json.dumps({"counts": counts, "slowest": round(slowest, 2), "largest": largest}))


def _guarded(target, kind, seed, start, stop):
    """Results of a process, until it has done everything or died."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(target, kind, seed, range(start, stop), os.fdopen(writing, "w"))
    os.close(writing)
    number, began = start, time.monotonic()
    with os.fdopen(reading, "rb", buffering=0) as lines:  # else select would not see the lines that wait
        while True:
            ready, _, _ = select.select([lines], [], [], _START if number == start else _SECONDS)
            line = lines.readline() if ready else None
            if line:
                yield json.loads(line)
                number, began = number + 1, time.monotonic()
                continue
            if line is None:
                os.kill(pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if number < stop:
                outcome = "hang" if line is None else "crash"
                seconds = round(time.monotonic() - began, 1)
                yield {"number": number, "outcome": outcome, "seconds": seconds, "peak": 0, "why": f"exit code {code}"}
            return


def _work(target, kind, seed, numbers, told):
    from hostile_mutations import mutated
    from hostile_targets import shows_the_word

    code = 1  # a fault of these tests themselves: of a mutation, say
    try:
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder, tempfile.TemporaryFile() as printed:
            for number in (1, 2):
                os.dup2(printed.fileno(), number)
            _limit_memory()
            for number in numbers:
                suffix, data = mutated(kind, seed, number)
                _forget_peak()
                before, began = _memory("VmRSS"), time.perf_counter()
                outcome, why = target(Path(folder), suffix, data)
                if outcome != "harm" and shows_the_word(f"{why}{_taken(printed)}"):
                    outcome, why = "harm", f"shows what the file says: {why}"
                line = {"number": number, "outcome": outcome, "why": (why or "")[-1500:]}
                line["seconds"] = round(time.perf_counter() - began, 3)
                line["peak"] = max(0, _memory("VmHWM") - before) >> 20
                told.write(json.dumps(line) + "\n")
                told.flush()
        code = 0
    finally:
        os._exit(code)


def _taken(printed):
    """What was printed since the last time."""
    printed.seek(0)
    text = printed.read().decode(errors="replace")
    printed.seek(0)
    printed.truncate()
    return text


def _limit_memory():
    limit = _memory("VmData") + ROOM
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _memory(name):
    """Bytes, as Linux tells."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
    _main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
