# SPDX-License-Identifier: Apache-2.0
"""A progress bar that is also fit for a log file."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

__all__ = ["progress"]

_LOG_SECONDS = 30.0


def progress(total: int | None, desc: str = "enhancing", initial: int = 0) -> tqdm[Any]:
    """A bar on stderr with files, rate and remaining time; call its ``update()`` for each file, ``close()`` at the end.

    Where stderr is no terminal, a whole line is written every 30 s instead, and one at the end.

    Args:
        total: number of files; None: not known yet.
        desc: what is being done.
        initial: files that are finished already; they do not count in the rate.
    """
    options: dict[str, Any] = {"total": total, "desc": desc, "initial": initial, "unit": "file", "file": sys.stderr}
    if sys.stderr.isatty():
        return tqdm(**options, dynamic_ncols=True, smoothing=0.05)
    return _Lines(**options, mininterval=_LOG_SECONDS, maxinterval=_LOG_SECONDS, ncols=0, smoothing=0.05)


class _Lines(tqdm):
    """Writes a line where the bar would redraw itself."""

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        if msg is None:
            self.fp.write(f"{self}\n")
            self.fp.flush()
        return False

    def close(self) -> None:
        if not self.disable:
            self.refresh()
            self.leave = False  # the base class has nothing to finish
        super().close()
