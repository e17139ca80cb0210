# SPDX-License-Identifier: Apache-2.0
"""``series.jsonl``: which intensities the network sees as 0 and 1, for each series that its results have in common."""

from __future__ import annotations

import json
import os
from pathlib import Path

from monai_gradprom.enhance.derived.uids import derived_uid

from .database import TemporaryDatabase
from .index import Index

__all__ = ["SeriesRecord"]

Window = tuple[float, float]
_SCHEMA = "CREATE TABLE windows (name TEXT PRIMARY KEY, low REAL, high REAL) WITHOUT ROWID"


class SeriesRecord:
    """What an earlier run took for the window of each series, by the UID of the series derived from it.

    Args:
        path: of the file; it need not be there. A damaged line is passed over.
        run_key: of the run.
    """

    def __init__(self, path: Path, run_key: str) -> None:
        self.path, self._run_key = path, run_key
        self._db = TemporaryDatabase(_SCHEMA)
        if path.exists():
            with path.open("rb") as lines:
                for line in lines:
                    self._read(line)

    def __enter__(self) -> SeriesRecord:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def differs(self, series: str, window: Window | None) -> bool:
        """Whether the series was enhanced through another window than this; False for one that is not known."""
        query = "SELECT low, high FROM windows WHERE name = ?"
        return self._db.one(query, (derived_uid(series, self._run_key),)) not in (None, window)

    def write(self, index: Index, work: Path) -> None:
        """Replace the file by the windows of ``index``, all or nothing.

        Args:
            index: of the run.
            work: a folder for temporary files on the same file system.

        Raises:
            OSError: it cannot be written.
        """
        new = work / self.path.name
        with new.open("w", encoding="ascii", newline="\n") as stream:
            for series, *window in index.windows():
                line = {"series": derived_uid(series, self._run_key), "window": window}
                stream.write(json.dumps(line) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, self.path)

    def _read(self, line: bytes) -> None:
        try:
            values = json.loads(line)
            low, high = map(float, values["window"])
            self._db.run("INSERT OR REPLACE INTO windows VALUES (?, ?, ?)", (str(values["series"]), low, high))
        except (ValueError, TypeError, LookupError):
            pass
