# SPDX-License-Identifier: Apache-2.0
"""A ceiling for the memory of a process that reads files from anywhere."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["ceiling", "limit_memory"]

_LIBRARIES = 1 << 30  # what decoders and numerical libraries take for themselves, once


def ceiling(gib: float) -> int:
    """Bytes that a worker may take beyond what it begins with, where files may take ``gib`` GiB: twice that and 1 GiB.

    Twice, because ``gib`` bounds what this program asks for; decoders have their own on top of it.
    """
    return int(2 * gib * 2**30) + _LIBRARIES


def limit_memory(allowed: int) -> None:
    """Have this process refused what it asks for beyond ``allowed`` bytes more than it has now.

    What a hostile file makes a decoder ask for then ends in MemoryError, or in the death of this process, and not in
    the system's choosing some other process to kill. On Linux; elsewhere nothing happens.
    """
    with suppress(ImportError, OSError, ValueError, StopIteration):
        import resource

        lines = Path("/proc/self/status").read_text().splitlines()
        now = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmData:"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = now + allowed
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
