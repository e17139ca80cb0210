# SPDX-License-Identifier: Apache-2.0
"""What became of all files, on one screen."""

from __future__ import annotations

import textwrap

from monai_gradprom.enhance.record.paths import printable
from monai_gradprom.enhance.record.row import Row

from .tally import Group, Reasons

__all__ = ["Tally"]

_SHOWN = 10
_WIDTH = 96


class Tally:
    """Counts rows by status and reason; memory does not grow with their number."""

    def __init__(self) -> None:
        self.counts = {"done": 0, "skipped": 0, "failed": 0}
        self._reasons = {"skipped": Reasons(), "failed": Reasons()}

    def add(self, row: Row) -> None:
        """Count a row."""
        self.counts[row.status] += 1
        if row.status in self._reasons:
            self._reasons[row.status].add(row)

    def text(self) -> str:
        """A table: done, skipped by reason, failed by reason, the most frequent reasons first."""
        lines: list[tuple[str, int]] = []
        for status, count in self.counts.items():
            lines.append((status, count))
            lines += [(f"  {reason}", n) for reason, n in self._table(status)]
        width = max(len(first) for first, _ in lines)
        digits = max(len(f"{count:,}") for _, count in lines)
        return "\n".join(f"{first.ljust(width)}  {f'{count:,}'.rjust(digits)}" for first, count in lines)

    def exit_code(self) -> int:
        """1 if a file failed, else 0."""
        return 1 if self.counts["failed"] else 0

    def _table(self, status: str) -> list[tuple[str, int]]:
        groups = self._reasons[status].most_common() if status in self._reasons else []
        shown = [(_line(group), group.count) for group in groups[:_SHOWN]]
        if rest := groups[_SHOWN:]:
            shown.append((f"{len(rest)} more reasons, see manifest.jsonl", sum(group.count for group in rest)))
        return shown


def _line(group: Group) -> str:
    text = printable(group.text) + ("" if group.alike else " (or another number)")
    return textwrap.shorten(text, _WIDTH, placeholder=" ...")
