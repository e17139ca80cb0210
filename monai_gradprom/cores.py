# SPDX-License-Identifier: Apache-2.0
"""How much of the machine may be used."""

from __future__ import annotations

import os

__all__ = ["usable_cores"]


def usable_cores() -> int:
    """CPU cores that this process may run on; all of the machine's where the system does not tell."""
    usable = getattr(os, "sched_getaffinity", None)
    return max(1, len(usable(0)) if usable else os.cpu_count() or 1)
