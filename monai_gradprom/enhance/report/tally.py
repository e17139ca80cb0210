# SPDX-License-Identifier: Apache-2.0
"""What the report counts, in one pass over the manifest and in the same memory for ten files as for a million."""

from __future__ import annotations

import hashlib
import heapq
import math
import re
from collections import Counter
from dataclasses import dataclass, field

from monai_gradprom.enhance.record.row import Row

__all__ = ["LISTED", "Changes", "Group", "Reasons", "ReportTally", "Sample"]

LISTED = 100
"""Paths that are kept for each reason."""

_REASONS = 20  # kept apart; more are thrown together


@dataclass
class Changes:
    """A histogram over orders of magnitude: three bins from each power of ten to the next."""

    bins: Counter[int] = field(default_factory=Counter)
    """Bin k holds values from 10^(k/3) up to, but excluding, 10^((k+1)/3)."""
    zero: int = 0
    largest: float = 0.0

    def add(self, value: float | None) -> None:
        """Count a change; None and what is not finite do not count."""
        if value is None or not math.isfinite(value):
            return
        self.largest = max(self.largest, value)
        if value <= 0:
            self.zero += 1
        else:
            self.bins[min(max(math.floor(3 * math.log10(value) + 1e-9), -18), 30)] += 1


@dataclass
class Group:
    """A reason that several files share."""

    text: str
    count: int = 0
    alike: bool = True
    """False: other files' reasons have other numbers."""
    paths: list[str] = field(default_factory=list)


@dataclass
class Reasons:
    """Why files were skipped or failed: how many for each reason, and some of them by path."""

    groups: dict[str, Group] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Count a file; reasons that differ only in numbers are one reason."""
        text = row.reason or "no reason given"
        kind = re.sub(r"\d+(\.\d+)?", "0", text)
        if kind not in self.groups and len(self.groups) >= _REASONS:
            kind = text = "other reasons; the manifest has them"
        group = self.groups.setdefault(kind, Group(text))
        group.count += 1
        group.alike &= text == group.text
        if len(group.paths) < LISTED:
            group.paths.append(row.path)

    def most_common(self) -> list[Group]:
        """The reasons, the most frequent first."""
        return sorted(self.groups.values(), key=lambda group: (-group.count, group.text))


class Sample:
    """Rows whose path has the smallest SHA-256: the same files however the manifest is ordered.

    Args:
        size: how many rows are kept.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._heap: list[tuple[int, str, Row]] = []

    def add(self, row: Row) -> None:
        """Offer a row; a path that was offered before is not offered again."""
        key = -int.from_bytes(hashlib.sha256(row.path.encode("utf-8", "surrogatepass")).digest()[:16], "big")
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, (key, row.path, row))
        elif key > self._heap[0][0]:
            heapq.heapreplace(self._heap, (key, row.path, row))

    def rows(self) -> list[Row]:
        """What was kept, smallest first."""
        return [row for _, _, row in sorted(self._heap, key=lambda item: -item[0])]


@dataclass
class ReportTally:
    """All that the report counts."""

    candidates: int
    """How many enhanced files are kept for thumbnails."""
    files: Counter[str] = field(default_factory=Counter)
    mean_change: Changes = field(default_factory=Changes)
    max_change: Changes = field(default_factory=Changes)
    failed: Reasons = field(default_factory=Reasons)
    skipped: Reasons = field(default_factory=Reasons)

    def __post_init__(self) -> None:
        self.sample = Sample(self.candidates)

    def add(self, row: Row) -> None:
        """Count a row of the manifest."""
        self.files[row.status] += 1
        if row.status == "failed":
            self.failed.add(row)
        elif row.status == "skipped":
            self.skipped.add(row)
        else:
            self.mean_change.add(row.mean_abs_change)
            self.max_change.add(row.max_abs_change)
            self.sample.add(row)
