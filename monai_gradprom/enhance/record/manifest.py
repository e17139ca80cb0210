# SPDX-License-Identifier: Apache-2.0
"""``manifest.jsonl``: one line for each input file, written when the file is finished."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

from monai_gradprom.errors import InputError

from .paths import WORK
from .row import Row, Status

__all__ = ["Manifest", "line_of", "row_of"]

_KEYS = [f.name for f in fields(Row)]
_NUMBERS = ("seconds", "mean_abs_change", "max_abs_change")


def line_of(row: Row) -> bytes:
    """The row as one line of ASCII JSON; a number that JSON does not have (NaN, infinity) becomes null."""
    values = row.to_dict()
    for name in _NUMBERS:
        number = values[name]
        values[name] = float(number) if number is not None and math.isfinite(number) else None
    return json.dumps(values, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"


def row_of(line: bytes) -> Row:
    """The row of a line.

    Raises:
        ValueError: the line is damaged.
    """
    values = json.loads(line)
    if not isinstance(values, dict) or list(values) != _KEYS or not isinstance(values["path"], str):
        raise ValueError("not a row")
    if values["status"] not in get_args(Status):
        raise ValueError("no such status")
    return Row(**values)


class Manifest:
    """The manifest of a run, open for appending; a line torn by a kill at its end is cut off.

    A line that cannot be written, on a full disk, say, is kept and tried again before the next one.

    Args:
        path: of the file, in OUTPUT; it is made if need be.

    Raises:
        InputError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[bytes] = []
        self._file = -1
        self._open()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pending(self) -> int:
        """Number of rows that could not be written yet."""
        return len(self._pending)

    def add(self, row: Row) -> None:
        """Write a row, or keep it for later."""
        self._pending.append(line_of(row))
        self._write()

    def close(self) -> None:
        """Try once more what could not be written, and close; see :attr:`pending`. To close twice is harmless."""
        if self._file >= 0:
            self._write()
            os.close(self._file)
            self._file = -1

    @staticmethod
    def read(path: Path, skip_damaged: bool = False) -> Iterator[Row]:
        """Yield the rows of a manifest in the order of its lines, none where there is no file.

        What follows the last line break was torn by a kill and is dropped: its file will be done again.

        Raises:
            InputError: a line before that is damaged (unless ``skip_damaged``), or the file cannot be read.
        """
        try:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.endswith(b"\n"):
                        return
                    try:
                        yield row_of(line)
                    except (ValueError, RecursionError):
                        if not skip_damaged:
                            raise InputError(
                                f"{path}: line {number} is damaged; remove that line, whose file will be done again."
                            ) from None
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}); check disk and permissions.") from None

    def compact(self, order: Iterable[Row]) -> None:
        """Replace the file by one that holds the rows of ``order``, all or nothing.

        Raises:
            InputError: there is no space for it; the file is as it was.
        """
        new = self.path.parent / WORK / self.path.name
        try:
            new.parent.mkdir(exist_ok=True)
            with new.open("wb") as stream:
                stream.writelines(map(line_of, order))
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(new, self.path)
        except OSError as error:
            raise InputError(
                f"{self.path} could not be rewritten ({error.strerror}); free space and repeat the command."
            ) from None
        if self._file >= 0:
            os.close(self._file)
        self._pending.clear()
        self._open()

    def _open(self) -> None:
        try:
            more = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | more, 0o666)
            self._end = _end_of_last_line(self._file)
        except OSError as error:
            what = "it is a link" if self.path.is_symlink() else error.strerror
            raise InputError(f"{self.path} cannot be written ({what}); check its permissions.") from None

    def _write(self) -> None:
        try:
            os.ftruncate(self._file, self._end)  # what an earlier attempt left of a line
            while self._pending:
                line = self._pending[0]
                if os.write(self._file, line) < len(line):
                    return  # the disk has just filled up
                self._end += len(line)
                del self._pending[0]
        except OSError:
            return


def _end_of_last_line(file: int, block: int = 1 << 16) -> int:
    end = os.lseek(file, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - block)
        os.lseek(file, start, os.SEEK_SET)
        found = os.read(file, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
