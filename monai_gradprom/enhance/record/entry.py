# SPDX-License-Identifier: Apache-2.0
"""What is known about one file of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .database import as_text
from .row import Status

__all__ = ["COLUMNS", "Entry", "entry_of"]

COLUMNS = "path, status, reason, format, series, pixels, modality, output"
"""Of the table, in the order in which :func:`entry_of` takes them."""


@dataclass(frozen=True)
class Entry:
    """A file, as :meth:`.index.Index.describe` has it; ``status`` is None if it is to be enhanced."""

    path: str
    status: Status | None = None
    reason: str | None = None
    format: str | None = None
    series: str | None = None
    pixels: int | None = None
    modality: str | None = None
    output: str | None = None


def entry_of(columns: tuple[Any, ...]) -> Entry:
    """The entry of a row of the table."""
    path, status, reason, format, series, pixels, modality, output = columns
    texts = (as_text(reason), format, as_text(series), pixels, as_text(modality), as_text(output))
    return Entry(as_text(path), status, *texts)
