# SPDX-License-Identifier: Apache-2.0
"""Jobs that are still to be done, and the actors that are there to do them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Errand", "JobList", "Seat"]


@dataclass(eq=False)
class Seat:
    """An actor as seen from here."""

    actor: Any
    ready: bool = False
    jobs: int = 0
    """How many it has been given and not answered."""


@dataclass(frozen=True)
class Errand:
    """What a reference of Ray's stands for: a job, or (None) the start of the actor."""

    seat: Seat
    job: Any = None
    alone: bool = False
    """It was given to an actor that had nothing else to do."""


class JobList:
    """New jobs first; then, one by one, those that were with an actor when it died."""

    def __init__(self, jobs: Iterable[Any]) -> None:
        self._source = iter(jobs)
        self._next = next(self._source, None)
        self._suspects: deque[Any] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether there is none left of either kind."""
        return self._next is None and not self._suspects

    def suspect(self, job: Any) -> None:
        """Keep a job for later."""
        self._suspects.append(job)

    def take(self) -> Any | None:
        """The next new job, or None."""
        job = self._next
        if job is not None:
            self._next = next(self._source, None)
        return job

    def take_suspect(self) -> Any | None:
        """The next job that has seen an actor die, or None; first all new ones have to be taken."""
        return self._suspects.popleft() if self._next is None and self._suspects else None
