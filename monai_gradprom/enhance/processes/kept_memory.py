# SPDX-License-Identifier: Apache-2.0
"""Memory that is freed and asked for again with every frame."""

from __future__ import annotations

import numpy as np

__all__ = ["keep_freed_memory"]

_LARGEST = (1 << 25) - (1 << 16)  # bytes; glibc takes no larger block as an example


def keep_freed_memory() -> None:
    """Let this process keep up to 64 MiB that it frees, for its next frame.

    By default glibc hands large blocks back to the system, and the pages of the next ones cost more than what is
    calculated with them. It learns from the largest block that was ever freed: see M_MMAP_THRESHOLD in mallopt(3).
    Elsewhere this does nothing.
    """
    np.empty(_LARGEST, np.uint8)  # freed at once, and never touched
