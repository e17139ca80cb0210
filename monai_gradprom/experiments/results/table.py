# SPDX-License-Identifier: Apache-2.0
"""A table without a look of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Row", "Table"]


@dataclass(frozen=True)
class Row:
    """A row.

    Args:
        heads: its first cells, in words.
        cells: column → text; columns without one are empty.
        marks: what is said of the row, such as ``under-trained``.
        kind: ``paper``, ``ours`` or empty, for the look.
    """

    heads: tuple[str, ...]
    cells: dict[str, str]
    marks: tuple[str, ...] = ()
    kind: str = ""


@dataclass
class Table:
    """Rows under columns.

    Args:
        name: of its files.
        title: above it.
        heads: titles of the first cells.
        columns: titles of the others.
        rows: the rows.
        notes: below it.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    columns: list[str]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
