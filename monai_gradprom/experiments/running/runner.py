# SPDX-License-Identifier: Apache-2.0
"""All runs of a grid: so many at a time, finished ones passed over, failed ones recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_gradprom.cores import usable_cores
from monai_gradprom.enhance.record.lock import FolderLock
from monai_gradprom.experiments.grid.plan import Plan, Run

from .progress import OverallProgress
from .unit import Unit

__all__ = ["Outcome", "run_plan"]

_LOCK = ".compare"
_SECONDS = 0.2
_SHOW_EVERY = 25  # looks; counting checkpoints costs more than polling


@dataclass
class Outcome:
    """What became of a grid's runs."""

    finished_before: int
    done: int
    failed: dict[str, str]


def run_plan(plan: Plan, output: Path, jobs: int = 1, devices: Sequence[str | None] = (None,)) -> Outcome:
    """Run what is not finished.

    Args:
        plan: the grid.
        output: its folder; one process at a time may work on it.
        jobs: runs at a time on each device.
        devices: torch devices; None: the bundle's own choice.

    Returns:
        how many runs were finished before, how many are now, and why others failed.

    Raises:
        InputError: another process works on ``output``.
        KeyboardInterrupt: by the user; what runs is ended first, and is continued next time.
    """
    output.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(output / _LOCK)
    try:
        return _Schedule(plan, jobs, devices).work()
    finally:
        lock.release()


class _Schedule:
    def __init__(self, plan: Plan, jobs: int, devices: Sequence[str | None]) -> None:
        slots = [device for _ in range(jobs) for device in devices]
        threads = max(1, usable_cores() // len(slots)) if len(slots) > 1 else None
        units = {run.name: Unit(run, threads) for run in plan.runs}
        self.todo = [unit for unit in units.values() if unit.remaining]
        self.finished_before = len(units) - len(self.todo)
        # a warm-up is for runs that have not trained yet
        wanted = {unit.warm_up.folder for unit in self.todo if unit.warm_up and unit.remaining[0].name == "train"}
        self.warm_ups = {w.folder: Unit(w, threads) for w in plan.warm_ups if w.folder in wanted and not w.finished}
        self.free = slots
        self.waiting = self._in_order()
        self.running: dict[Unit, str | None] = {}
        self.failed: dict[str, str] = {}
        self.done = 0

    def _in_order(self) -> list[Unit]:
        """Each warm-up just before the first run that starts from it."""
        order: list[Unit] = []
        for unit in self.todo:
            first = self.warm_ups.get(unit.warm_up.folder) if unit.warm_up else None
            order += [first] if first is not None and first not in order else []
            order.append(unit)
        return order

    def work(self) -> Outcome:
        bar = OverallProgress(len(self.todo))
        try:
            looks = 0
            while self.waiting or self.running:
                self._start_some()
                self._look_after(bar)
                if looks % _SHOW_EVERY == 0:
                    bar.show(self._share_done(), len(self.failed))
                looks += 1
                time.sleep(_SECONDS)
            bar.show(self._share_done(), len(self.failed))
        finally:
            for unit in self.running:
                unit.stop()
            bar.close()
        return Outcome(self.finished_before, self.done, self.failed)

    def _start_some(self) -> None:
        for unit in list(self.waiting):
            if not self.free:
                return
            if self._is_ready(unit):
                self.waiting.remove(unit)
                device = self.free.pop(0)
                unit.start(device)
                self.running[unit] = device

    def _is_ready(self, unit: Unit) -> bool:
        """Whether the warm-up that a run starts from is over; if that has failed, the run makes its own."""
        first = self.warm_ups.get(unit.warm_up.folder) if unit.warm_up else None
        return first is None or (first not in self.waiting and first not in self.running)

    def _look_after(self, bar: OverallProgress) -> None:
        for unit in list(self.running):
            if not unit.finished():
                continue
            self.free.append(self.running.pop(unit))
            if unit.failure is not None:
                bar.note(f"{unit.folder.name} has failed: {unit.failure}")
            if unit in self.todo:
                self.done += unit.failure is None
                if unit.failure is not None:
                    self.failed[unit.folder.name] = unit.failure

    def _share_done(self) -> float:
        return sum(1.0 if unit.failure else unit.share_done() for unit in self.todo if unit not in self.waiting)


def describe(plan: Plan) -> list[str]:
    """A line for each run: its folder and how far it is."""
    return [f"{run.name}: {_state(run)}" for run in plan.runs]


def _state(run: Run) -> str:
    remaining = [stage.name for stage in Unit(run).remaining]
    return "finished" if not remaining else "to do: " + ", ".join(remaining)
