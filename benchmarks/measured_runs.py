# SPDX-License-Identifier: Apache-2.0
"""Runs of the command line in processes of their own: their time, the memory of each process, and a table of them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from machine import describe

Rows = Iterator[tuple[str, str]]
"""What was measured, and the figure."""
MIB = 2**20
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass
class Measured:
    """One run of the command: seconds of wall time and of all processes' CPU time, bytes of memory."""

    wall: float
    cpu: float
    main: int
    worker: int


def command(workers: int | None, folder: Path, bundle: Path, *flags: str) -> Measured:
    """Enhance ``folder`` as a user would, in a process of its own."""
    with tempfile.TemporaryDirectory() as output:
        words = ["enhance", str(folder), output, "--bundle", str(bundle), "--any-modality", *flags]
        words += [] if workers is None else ["--workers", str(workers)]
        began = time.perf_counter()
        process = cli(*words)
        memory: dict[int, int] = {}
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            for one, bytes_ in private_memory(process.pid).items():
                memory[one] = max(bytes_, memory.get(one, 0))
            time.sleep(0.02)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"error: enhance {folder} ended with exit code {process.returncode}")
    main = memory.pop(process.pid, 0)
    return Measured(wall, used.ru_utime + used.ru_stime, main, max(memory.values(), default=0))


def cli(*words: str) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "monai_gradprom.cli", *words]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=REPOSITORY)


def private_memory(pid: int) -> dict[int, int]:
    """Bytes of a process and its children that the system cannot take back, as far as Linux tells."""
    found: dict[int, int] = {}
    try:
        own = Path(f"/proc/{pid}/cmdline").read_bytes()
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            if Path(f"/proc/{child}/cmdline").read_bytes() != own:  # else it is about to become another program
                found[child] = _private(child)
        found[pid] = _private(pid)
    except (OSError, IndexError):  # one has just ended, or this is no Linux
        pass
    return found


def _private(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))


def best(repeats: int, measure: Callable[[], Measured]) -> Measured:
    return min((measure() for _ in range(repeats)), key=lambda measured: measured.wall)


def in_mib(measured: Measured) -> str:
    return f"{measured.main / MIB:.0f} MiB, {measured.worker / MIB:.0f} MiB"


def print_table(
    parts: Mapping[str, Callable[[argparse.Namespace, Path], Rows]], args: argparse.Namespace, *packages: str
) -> None:
    """Measure the ``parts`` that ``args.only`` names, each in a temporary folder of its own, as a Markdown table.

    Above it: the machine and the versions of ``packages``.
    """
    print(f"{describe(*packages)}\n\n| | |\n|---|---|")
    for name in args.only:
        with tempfile.TemporaryDirectory(prefix="enhance-") as folder:
            for what, figure in parts[name](args, Path(folder)):
                print(f"| {what} | {figure} |", flush=True)
