# SPDX-License-Identifier: Apache-2.0
"""How far a training is, and all of them together."""

from __future__ import annotations

import re
from pathlib import Path

from monai_gradprom.enhance.report.progress import progress

__all__ = ["OverallProgress", "epochs_done", "iteration_of"]


class OverallProgress:
    """A bar on stderr that counts runs, with parts of runs, and the remaining time.

    Args:
        total: how many runs there are to do.
    """

    def __init__(self, total: int) -> None:
        self._bar = progress(total, desc="comparing")
        self._bar.unit = "run"
        # runs take hours: the mean over all of them says more than the latest minutes
        self._bar.smoothing = 0
        self._bar.bar_format = (
            "{desc}: {percentage:3.0f}%|{bar}| {n:.2f} of {total} runs [{elapsed}, remaining {remaining}{postfix}]"
        )

    def show(self, done: float, failed: int = 0) -> None:
        """Say how much is done now."""
        if failed:
            self._bar.set_postfix_str(f"{failed} failed", refresh=False)
        self._bar.update(max(0.0, round(done, 2) - self._bar.n))

    def note(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.write(line, file=self._bar.fp)

    def close(self) -> None:
        """Leave the last line."""
        self._bar.close()


def iteration_of(checkpoint: Path) -> int:
    """The iteration that a checkpoint's name tells; 0 for another file's."""
    match = re.fullmatch(r"checkpoint_iteration=(\d+)\.pt", checkpoint.name)
    return int(match[1]) if match else 0


def epochs_done(output_dir: Path) -> float:
    """Epochs that a training's checkpoints show as finished; 0 before the first.

    Checkpoints are named by iterations. The last two are an epoch apart; where there is one, it is the first epoch's.
    (With ``--checkpoint_interval`` the count runs ahead: it is for a progress bar only.)
    """
    found = sorted(map(iteration_of, output_dir.glob("checkpoint_iteration=*.pt")))
    if not found:
        return 0.0
    return found[-1] / (found[-1] - found[-2] if len(found) > 1 else found[-1])
