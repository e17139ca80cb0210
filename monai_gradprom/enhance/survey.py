# SPDX-License-Identifier: Apache-2.0
"""Filling the index: which files there are, what their headers say, which intensities a series shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from monai_gradprom.enhance.processes.pool import Lost
from monai_gradprom.enhance.record.index import Index

from .discovery import discover
from .look import Facts, LookJob, RangeJob
from .workers import Workers

__all__ = ["survey"]

_FILES_A_JOB = 32  # so that asking costs less than looking


def survey(root: Path, index: Index, workers: Workers, ticks: Any = None) -> None:
    """List all files below ``root``, read their headers, and the pixels of series that state no window.

    Args:
        root: the input folder.
        index: is filled.
        workers: look at the files.
        ticks: a progress bar; ``update(n)`` is called for each file found and each file looked at.
    """
    for found in discover(root):
        index.add(found)
        _tick(ticks, 1)
    jobs = (LookJob(paths) for paths in _groups(entry.path for entry in index.entries(open_only=True)))
    suspects: list[str] = []
    for job, result in workers.run(jobs):
        if isinstance(result, Lost):
            suspects += job.paths
        else:
            _note(index, result)
    # one of a group has crashed its process: which, shows when each is looked at alone
    for job, result in workers.run(LookJob((path,)) for path in suspects):
        _note(index, [Facts(job.paths[0], "failed", result.reason)] if isinstance(result, Lost) else result)
    for job, result in workers.run(RangeJob(*pair) for pair in index.needing_range()):
        if result is not None and not isinstance(result, Lost):
            index.set_range(job.series, *result)


def _note(index: Index, facts: Iterable[Facts]) -> None:
    for fact in facts:
        if fact.status is not None:
            index.settle(fact.path, fact.status, fact.reason)
            continue
        index.describe(
            fact.path,
            format=fact.format,
            series=fact.series,
            window=fact.window,
            needs_range=fact.window is None,
            pixels=fact.pixels,
            modality=fact.modality,
            output=fact.output,
        )


def _groups(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    source = iter(paths)
    while group := tuple(islice(source, _FILES_A_JOB)):
        yield group


def _tick(ticks: Any, count: int) -> None:
    if ticks is not None:
        ticks.update(count)
