# SPDX-License-Identifier: Apache-2.0
"""What is known about the files of a run, kept on disk so that memory does not grow with their number."""

from __future__ import annotations

import math
from collections.abc import Iterator

from monai_gradprom.enhance.discovery import Found

from .database import TemporaryDatabase, as_key, as_text
from .entry import COLUMNS, Entry, entry_of
from .manifest import line_of, row_of
from .paths import folded, shown_path
from .row import Row, Status

__all__ = ["Entry", "Index"]

_SCHEMA = """
CREATE TABLE files (path BLOB PRIMARY KEY, shown BLOB UNIQUE, status TEXT, reason BLOB, format TEXT, series BLOB,
    needs_range INTEGER DEFAULT 0, pixels INTEGER, modality BLOB, output BLOB, target BLOB) WITHOUT ROWID;
CREATE INDEX targets ON files (target, path) WHERE target IS NOT NULL;
CREATE INDEX ranges ON files (path) WHERE needs_range;
CREATE TABLE windows (name BLOB PRIMARY KEY, low REAL, high REAL, from_pixels INTEGER) WITHOUT ROWID;
CREATE TABLE rows (path BLOB PRIMARY KEY, line BLOB) WITHOUT ROWID
"""
_OPEN = "status IS NULL"


class Index:
    """All files of the input; order is that of Python's ``sorted`` over paths.

    Args:
        hash_paths: rows call files by :func:`~monai_gradprom.enhance.record.paths.shown_path` with this flag.
        ignore_case: OUTPUT cannot tell ``a.png`` from ``A.png``.
    """

    def __init__(self, hash_paths: bool = False, ignore_case: bool = False) -> None:
        self._hash_paths, self._ignore_case = hash_paths, ignore_case
        self._db = TemporaryDatabase(_SCHEMA)

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def add(self, found: Found) -> None:
        """Take a file in; one that is there already stays as it is."""
        shown = as_key(shown_path(found.path, self._hash_paths))
        values = (as_key(found.path), shown, found.status, as_key(found.reason))
        self._db.run("INSERT OR IGNORE INTO files (path, shown, status, reason) VALUES (?, ?, ?, ?)", values)

    def settle(self, path: str, status: Status, reason: str | None) -> None:
        """Say that the file ``path`` is not to be enhanced, and why."""
        self._db.run(
            "UPDATE files SET status = ?, reason = ?, needs_range = 0, target = NULL WHERE path = ?",
            (status, as_key(reason), as_key(path)),
        )

    def describe(
        self,
        path: str,
        *,
        format: str | None = None,
        series: str | None = None,
        window: tuple[float, float] | None = None,
        needs_range: bool = False,
        pixels: int | None = None,
        modality: str | None = None,
        output: str | None = None,
    ) -> None:
        """Note what the header of the file ``path`` says.

        Args:
            path: as in :class:`~monai_gradprom.enhance.discovery.Found`.
            format: name of the file's format.
            series: the series that the file shares an intensity map with; None: it has its own.
            window: lowest and highest intensity that the file asks viewers to show, united with its series' window.
            needs_range: if no file of the series states a window, it is to be found from the pixels.
            pixels: in all frames together.
            modality: DICOM's.
            output: path of its result, relative to OUTPUT.
        """
        self._db.run(
            "UPDATE files SET format = ?, series = ?, needs_range = ?, pixels = ?, modality = ?, output = ?, target = ?"
            " WHERE path = ?",
            (
                *(format, as_key(series), needs_range and series is not None, pixels, as_key(modality)),
                *(as_key(output), None if output is None else self._place(output), as_key(path)),
            ),
        )
        if series is not None and window is not None:
            self._unite(series, *window, from_pixels=False)

    def set_range(self, series: str, low: float, high: float) -> None:
        """Widen the series' window to hold [low, high], found from pixels; a window that headers state prevails."""
        self._unite(series, low, high, from_pixels=True)

    def _unite(self, series: str, low: float, high: float, from_pixels: bool) -> None:
        if not (math.isfinite(low) and math.isfinite(high)):
            return
        self._db.run(
            "INSERT INTO windows VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET"
            " low = CASE WHEN from_pixels > ?4 THEN ?2 ELSE min(low, ?2) END,"
            " high = CASE WHEN from_pixels > ?4 THEN ?3 ELSE max(high, ?3) END,"
            " from_pixels = ?4 WHERE from_pixels >= ?4",
            (as_key(series), float(low), float(high), int(from_pixels)),
        )

    def window_of(self, path: str) -> tuple[float, float] | None:
        """(low, high) of the file's series; None if it has no series or nothing is known."""
        query = "SELECT low, high FROM files JOIN windows ON name = series WHERE path = ?"
        return self._db.one(query, (as_key(path),))

    def clash(self, path: str) -> str | None:
        """Another file whose result would take the place of this one's; None if there is none.

        Of files that want one place, the first in order gets it. A file whose place is wanted as a folder loses it.
        """
        own = self._db.one("SELECT target FROM files WHERE path = ?", (as_key(path),))
        if own is None or own[0] is None:
            return None
        target = own[0]
        same = self._db.one("SELECT path FROM files WHERE target = ? AND path < ?", (target, as_key(path)))
        return as_text(same[0]) if same else self._inside(target)

    def wanted(self, output: str) -> str | None:
        """A file whose result goes to ``output``, needs a folder there, or lies where ``output`` would need one."""
        target = self._place(output)
        parts = target.split(b"/")
        for end in range(len(parts), 0, -1):
            found = self._db.one("SELECT path FROM files WHERE target = ?", (b"/".join(parts[:end]),))
            if found is not None:
                return as_text(found[0])
        return self._inside(target)

    def _place(self, output: str) -> bytes:
        return as_key(folded(output) if self._ignore_case else output)

    def _inside(self, target: bytes) -> str | None:
        query = "SELECT path FROM files WHERE target > ? AND target < ? LIMIT 1"
        found = self._db.one(query, (target + b"/", target + b"0"))  # 0 follows / in ASCII
        return None if found is None else as_text(found[0])

    def windows(self) -> Iterator[tuple[str, float, float]]:
        """(series, low, high) of all series for which something is known."""
        last = b""
        query = "SELECT name, low, high FROM windows WHERE name > ? ORDER BY name LIMIT 500"
        while page := self._db.run(query, (last,)).fetchall():
            yield from ((as_text(name), low, high) for name, low, high in page)
            last = page[-1][0]

    def __len__(self) -> int:
        return self.count()

    def count(self, open_only: bool = False) -> int:
        """Number of files; ``open_only``: of those to be enhanced."""
        found = self._db.one(f"SELECT count(*) FROM files WHERE {_OPEN if open_only else 1}", ())
        return int(found[0]) if found else 0

    def entries(self, open_only: bool = False) -> Iterator[Entry]:
        """Every file in order; ``open_only``: those to be enhanced. The index may change meanwhile."""
        yield from map(entry_of, self._db.pages(COLUMNS, "files", _OPEN if open_only else "1"))

    def needing_range(self) -> Iterator[tuple[str, str]]:
        """(path, series) of the files to pass to :meth:`set_range`: no header of their series states a window."""
        stated = "SELECT 1 FROM windows WHERE name = series AND NOT from_pixels"
        for path, series in self._db.pages("path, series", "files", f"needs_range AND NOT EXISTS ({stated})"):
            yield as_text(path), as_text(series)

    def remember(self, row: Row) -> None:
        """Note a row of the manifest; a later one for the same path replaces it."""
        self._db.run("INSERT OR REPLACE INTO rows VALUES (?, ?)", (as_key(row.path), line_of(row)))

    def previous(self, path: str) -> Row | None:
        """The remembered row of a file, by its path in INPUT."""
        found = self._db.one("SELECT line FROM rows WHERE path = ?", (as_key(shown_path(path, self._hash_paths)),))
        return None if found is None else row_of(found[0])

    def remembered(self) -> Iterator[tuple[Row, Entry | None]]:
        """Every remembered row with its file; None: that is not in INPUT any more."""
        for shown, line in self._db.pages("path, line", "rows"):
            found = self._db.one(f"SELECT {COLUMNS} FROM files WHERE shown = ?", (shown,))
            yield row_of(line), None if found is None else entry_of(found)

    def rows(self) -> Iterator[Row]:
        """The remembered row of every file of the index that has one, in order of the rows' paths."""
        for _, line in self._db.pages("path, line", "rows", "path IN (SELECT shown FROM files)"):
            yield row_of(line)

    def strays(self) -> Iterator[Row]:
        """Remembered rows of files that the index does not have: they are not in INPUT any more."""
        for _, line in self._db.pages("path, line", "rows", "path NOT IN (SELECT shown FROM files)"):
            yield row_of(line)
