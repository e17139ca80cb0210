# SPDX-License-Identifier: Apache-2.0
"""Workers on a Ray cluster: same jobs, same results, whoever dies.

Ray's actors are used directly. Ray Data would do lost blocks of files again by itself, but it keeps something of each
block in this process for the whole run, returns rows when a block is full, starts its actors anew for each pass over
the files, and counts the loss of a machine against the files that happened to be sent there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from monai_gradprom.enhance.made_by import Loaded, made_by
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.processes.pool import Lost
from monai_gradprom.enhance.setup import Setup
from monai_gradprom.errors import InputError

from .actor import EnhanceActor, Plan
from .capacity import Capacity, capacity_of
from .seats import Errand, JobList, Seat
from .session import ray_session

__all__ = ["RayWorkers", "ray_workers"]

_DIED = "the process that worked on it died twice, or its machine was lost; run the same command again"
_STARTS = 3  # in a row may fail
_NOTICE = 30.0  # seconds without any actor, after which that is said
_FAREWELL = 10.0  # seconds that actors get to be gone


@contextmanager
def ray_workers(options: Options, setup: Setup, perform: Any, network: Loaded) -> Iterator[RayWorkers]:
    """Actors on all machines of the cluster that ``options.address`` names, until the context ends.

    Args:
        options: of the command line.
        setup: of the run.
        perform: does a job in a process; must be importable on all machines.
        network: as it was loaded here, which that of each actor must equal.

    Raises:
        InputError: there is no cluster, or it has no room.
    """
    with ray_session(options.address) as ray:
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        device = "cpu" if options.runtime == "onnx" else options.device
        capacity = capacity_of(machines, device, options.workers)
        folders = {name: getattr(options, name).absolute() for name in ("input", "output", "bundle")}
        places = {name: getattr(setup, name).absolute() for name in ("input", "output", "work")}
        plan = Plan(perform, replace(setup, **places), replace(options, **folders), made_by(network), capacity.device)
        workers = RayWorkers(ray, plan, capacity)
        try:
            yield workers
        finally:
            workers.close()


class RayWorkers:
    """See :func:`ray_workers`.

    A job whose actor dies is done again by another actor, when all others are done, alone: if that one dies too, the
    job is :class:`Lost`, and it is known that no other job was to blame.
    """

    def __init__(self, ray: Any, plan: Plan, capacity: Capacity) -> None:
        self._ray, self._plan = ray, plan
        self._lanes = 0 if plan.options.workers == 0 else capacity.cores
        self._actor_class = ray.remote(EnhanceActor).options(
            num_cpus=capacity.cores,
            num_gpus=1 if capacity.device == "cuda" else 0,
            max_concurrency=max(1, self._lanes),
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        self._failed_starts = 0
        self._errands: dict[Any, Errand] = {}
        self._seats: list[Seat] = []
        for _ in range(capacity.actors):
            self._add_seat()

    def run(self, jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (job, result) in the order in which they get finished, as :meth:`.WorkerPool.run` does."""
        left = JobList(jobs)
        while True:
            self._hand_out(left)
            if left.is_empty and all(errand.job is None for errand in self._errands.values()):
                return
            errand, reference = self._next()
            if errand.job is None:
                self._note_start(errand.seat, reference)
            elif (result := self._result(errand, reference)) is not None:
                yield errand.job, result[0]
            elif errand.alone:
                yield errand.job, Lost(_DIED)
            else:
                left.suspect(errand.job)

    def close(self) -> None:
        """End all actors, whatever they are doing."""
        for seat in self._seats:
            self._ray.kill(seat.actor)
        if self._errands:
            self._ray.wait([*self._errands], num_returns=len(self._errands), timeout=_FAREWELL)

    def _add_seat(self) -> None:
        seat = Seat(self._actor_class.remote(self._plan))
        self._errands[seat.actor.ready.remote(self._lanes)] = Errand(seat)
        self._seats.append(seat)

    def _replace(self, seat: Seat) -> None:
        """A new actor for a dead one; it comes up where there is room, now or later."""
        if seat in self._seats:
            self._seats.remove(seat)
            self._ray.kill(seat.actor)  # it may merely be out of reach
            self._add_seat()

    def _hand_out(self, left: JobList) -> None:
        depth = 2 * max(1, self._lanes)  # so that it has something to do while its answer travels
        ready = [seat for seat in self._seats if seat.ready]
        while ready and (seat := min(ready, key=lambda one: one.jobs)).jobs < depth:
            job = left.take()
            if job is None:
                break
            self._give(seat, job)
        for seat in ready:
            if seat.jobs == 0 and (job := left.take_suspect()) is not None:
                self._give(seat, job, alone=True)

    def _give(self, seat: Seat, job: Any, alone: bool = False) -> None:
        self._errands[seat.actor.do.remote(job)] = Errand(seat, job, alone)
        seat.jobs += 1

    def _next(self) -> tuple[Errand, Any]:
        """Wait for the next errand that is finished, in whatever way."""
        while True:
            idle = not any(seat.ready for seat in self._seats)
            done, _ = self._ray.wait([*self._errands], num_returns=1, timeout=_NOTICE if idle else None)
            if done:
                return self._errands.pop(done[0]), done[0]
            print("monai-gradprom: waiting until a machine of the cluster has room and is ready", file=sys.stderr)

    def _result(self, errand: Errand, reference: Any) -> tuple[Any] | None:
        """The result of a job in a tuple; None if its actor is gone."""
        errand.seat.jobs -= 1
        try:
            return (self._ray.get(reference),)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None  # of the network, as it would be raised here by the local engine
        except self._ray.exceptions.RayError:
            self._replace(errand.seat)
            return None

    def _note_start(self, seat: Seat, reference: Any) -> None:
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            text = str(cause) if isinstance(cause, InputError) else f"a machine fails with {type(cause).__name__}."
            raise InputError(f"--engine ray: {text}") from None
        except self._ray.exceptions.RayError:
            self._failed_starts += 1
            if self._failed_starts >= _STARTS:
                raise InputError(
                    f"--engine ray: {_STARTS} processes in a row died while they loaded the bundle; install the same"
                    " monai-gradprom on all machines, and see that they have memory for the network."
                ) from None
            self._replace(seat)
        else:
            self._failed_starts = 0
            seat.ready = True
