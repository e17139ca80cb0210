# SPDX-License-Identifier: Apache-2.0
"""Memory that is freed and asked for again with every frame."""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["keep_freed_memory"]

# malloc.h of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4


def keep_freed_memory(largest: int = 1 << 25) -> None:
    """Let this process keep what it frees for what it asks for next.

    By default glibc hands each large block back to the system and gets the next one page by page, which can take longer
    than to calculate with it: a network that makes features of 100 MB, layer by layer, may spend half of its time so.
    With another C library nothing happens.

    Args:
        largest: blocks of more bytes are handed back as before; twice as much may be kept idle.
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        if not mallopt(_M_MMAP_THRESHOLD, largest):  # older versions take no more than 32 MiB
            mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, min(2 * largest, 2**31 - 1))
