# SPDX-License-Identifier: Apache-2.0
"""A CSV that grows with every update, and that a resumed run continues as if it had never stopped."""

from __future__ import annotations

import csv
import io
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from monai_gradprom.whole_files import remove_unfinished, whole_file

__all__ = ["UpdateRows", "UpdateTelemetry"]


class UpdateRows:
    """Rows of updates in a file; each is on the disk as soon as it is appended.

    Args:
        path: the file; its folder is made when missing.
        fields: its columns, ``iteration`` among them. The last one is never missing in a whole row.
    """

    def __init__(self, path: str | Path, fields: Sequence[str]) -> None:
        self.path = Path(path)
        self.fields = list(fields)

    def start(self, iteration: int) -> None:
        """Begin the file after ``iteration`` updates: rows of later ones, which will be written again, are dropped."""
        kept = []
        if self.path.is_file() and iteration > 0:
            with self.path.open(newline="") as file:
                # a power cut may have left half a row, even one that ends within its last number
                whole = [line for line in file if line.endswith("\n")]
            rows = [row for row in csv.DictReader(whole) if row[self.fields[-1]] is not None]
            kept = [row for row in rows if int(row["iteration"]) <= iteration]
        remove_unfinished(self.path.parent, self.path.name)
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.fields)
        writer.writeheader()
        writer.writerows(kept)
        # killed just now, the old rows must still be there
        with whole_file(self.path) as new:
            new.write(text.getvalue().encode())

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows; None is an empty cell."""
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.fields).writerows(rows)


class UpdateTelemetry(ABC):
    """A handler that writes rows for each mini-batch, and something to the log after each epoch.

    Args:
        path: of the CSV.
        fields: its columns; see :class:`UpdateRows`.
        logger: name of the logger.
        summary_writer: a TensorBoard ``SummaryWriter``, or None.
    """

    def __init__(self, path: Path, fields: Sequence[str], logger: str, summary_writer: Any = None) -> None:
        self.path = path
        self.rows = UpdateRows(path, fields)
        self.logger = logging.getLogger(logger)
        self.writer = summary_writer

    def attach(self, engine: Engine) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.STARTED, lambda: self.rows.start(engine.state.iteration))
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._record)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._summarise)

    @abstractmethod
    def _record(self, engine: Engine) -> None:
        """Write the rows of a mini-batch."""

    @abstractmethod
    def _summarise(self, engine: Engine) -> None:
        """Say in the log what an epoch was like."""
