# SPDX-License-Identifier: Apache-2.0
"""What an earlier run left, where INPUT has changed since."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from monai_gradprom.errors import InputError

from .earlier_results import remove_result
from .index import Entry, Index
from .manifest import Manifest
from .paths import MANIFEST, SERIES
from .row import Row
from .run_record import RunRecord
from .series_record import SeriesRecord

__all__ = ["keep_books", "reconcile"]


def reconcile(record: RunRecord, index: Index) -> None:
    """Make what an earlier run left in OUTPUT fit what INPUT is now, and note the windows of all series.

    Cut off at any point, it does the rest when it is called again.

    Args:
        record: of the run.
        index: filled by the survey; it gets the rows of the manifest.

    Raises:
        InputError: the manifest cannot be read; OUTPUT cannot be written to.
    """
    path = record.output / MANIFEST
    for row in Manifest.read(path):
        index.remember(row)
    try:
        with SeriesRecord(record.output / SERIES, record.run_key) as series:
            with Manifest(path) as manifest:
                _make_room(record.output, index, manifest)
                _reopen_series(series, index, manifest)
            if manifest.pending:
                raise InputError(f"{path} cannot be written; free space there and repeat the command.")
            series.write(index, record.work)
    except OSError as error:
        raise InputError(
            f"OUTPUT {record.output} cannot be written to ({error.strerror}); free space there and repeat the command."
        ) from None


def _make_room(output: Path, index: Index, manifest: Manifest) -> None:
    """Remove results that lie where other files' results go now: their sources left INPUT, or became something else."""
    for row, entry in index.remembered():
        if row.output is not None and _is_in_the_way(row.output, entry, index):
            with suppress(OSError):  # whose place it is will fail, with a reason
                remove_result(output, row.output)
            _note(replace(row, status="failed", reason="its result made room", output=None), index, manifest)


def _is_in_the_way(output: str, entry: Entry | None, index: Index) -> bool:
    if entry is not None and entry.output == output:
        return index.clash(entry.path) is not None
    return index.wanted(output) is not None


def _reopen_series(record: SeriesRecord, index: Index, manifest: Manifest) -> None:
    """Have all files of a series done again whose window has changed: by new files, say, that have another one."""
    for entry in index.entries(open_only=True):
        row = index.previous(entry.path) if entry.series is not None else None
        if row is None or row.status != "done" or entry.series is None:
            continue
        if record.differs(entry.series, index.window_of(entry.path)):
            reason = "its series has another window than before; run the same command again"
            _note(replace(row, status="failed", reason=reason), index, manifest)


def keep_books(output: Path, row: Row, previous: Row | None) -> Row:
    """The row of a file that has just been worked on, with regard to what there was before.

    A result whose source has become something that gives none is removed. One whose source merely could not be read
    this time stays, and the row goes on naming it.
    """
    if previous is None or previous.output is None or row.output == previous.output:
        return row
    other_source = None not in (row.sha256_in, previous.sha256_in) and row.sha256_in != previous.sha256_in
    if row.output is not None or other_source:
        with suppress(OSError):
            remove_result(output, previous.output)
        return row
    kept = row.sha256_in or previous.sha256_in
    return replace(row, output=previous.output, sha256_out=previous.sha256_out, sha256_in=kept)


def _note(row: Row, index: Index, manifest: Manifest) -> None:
    manifest.add(row)
    index.remember(row)
