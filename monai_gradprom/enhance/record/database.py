# SPDX-License-Identifier: Apache-2.0
"""A private SQLite database that leaves nothing behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, overload

from monai_gradprom.errors import InputError

__all__ = ["TemporaryDatabase", "as_key", "as_text"]

# No journal: nobody needs the database after a crash. One transaction that never ends: SQLite writes pages to disk when
# its cache of 4 MiB is full, and never waits for the disk.
_SETTINGS = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4096;"
_PAGE = 500  # rows fetched at a time


class TemporaryDatabase:
    """In the system's temporary folder (``SQLITE_TMPDIR``, ``TMPDIR``), for one thread at a time.

    SQLite removes the file as soon as it is open, so that not even a killed process leaves it behind.

    Args:
        schema: the statements that make the tables.
    """

    def __init__(self, schema: str) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.executescript(f"{_SETTINGS}{schema};BEGIN")

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()

    def run(self, query: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Do one statement.

        Raises:
            InputError: the temporary folder is full.
        """
        try:
            return self._connection.execute(query, values)
        except sqlite3.OperationalError:
            raise InputError(
                "the list of files could not be kept in the temporary folder; free space there, or name another folder"
                " by the environment variable SQLITE_TMPDIR."
            ) from None

    def one(self, query: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
        """The first row that a query finds."""
        found: tuple[Any, ...] | None = self.run(query, values).fetchone()
        return found

    def pages(self, columns: str, table: str, condition: str = "1") -> Iterator[tuple[Any, ...]]:
        """Rows in the order of the table's key ``path``, which comes first in ``columns``.

        They are fetched some at a time, so that the table may change meanwhile.
        """
        query = f"SELECT {columns} FROM {table} WHERE path > ? AND {condition} ORDER BY path LIMIT {_PAGE}"
        last = b""
        while page := self.run(query, (last,)).fetchall():
            yield from page
            last = page[-1][0]


@overload
def as_key(text: str) -> bytes: ...
@overload
def as_key(text: None) -> None: ...
def as_key(text: str | None) -> bytes | None:
    """Bytes for any string, undecodable bytes of a file name included; they sort as Python sorts strings."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


@overload
def as_text(key: bytes) -> str: ...
@overload
def as_text(key: None) -> None: ...
def as_text(key: bytes | None) -> str | None:
    """What :func:`as_key` was given."""
    return None if key is None else key.decode("utf-8", "surrogatepass")
