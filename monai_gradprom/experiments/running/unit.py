# SPDX-License-Identifier: Apache-2.0
"""A run or a warm-up on its way through its processes."""

from __future__ import annotations

import shutil
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_gradprom.experiments.grid.plan import Run
from monai_gradprom.experiments.grid.shared_warmup import WarmUp
from monai_gradprom.experiments.grid.stage import Stage
from monai_gradprom.experiments.records import RECORD, read_record, write_json
from monai_gradprom.experiments.versions import versions

from .process import BundleProcess
from .progress import epochs_done, iteration_of
from .reasons import reason_in

__all__ = ["Unit"]

_ATTEMPTS = 3
_SHARED = ("*.pt", "tensorboard")


class Unit:
    """Does one stage after the other, each in a process, and records what is finished.

    A process that a signal has ended (memory ran out, say) is started again and continues, up to three times.

    Args:
        work: what is to be done.
        threads: of PyTorch in each process.
    """

    def __init__(self, work: Run | WarmUp, threads: int | None = None) -> None:
        self.folder = work.folder
        self.warm_up = work.warm_up if isinstance(work, Run) else None
        self.stages = list(work.stages) if isinstance(work, Run) else [work.stage]
        self.threads = threads
        self.failure: str | None = None
        self._facts = _facts(work)
        self._process: BundleProcess | None = None
        self._attempts = 0
        self._started = 0.0
        self._device: str | None = None

    @property
    def remaining(self) -> list[Stage]:
        """The stages that no record calls finished."""
        done = read_record(self.folder).get("stages", {})
        return [stage for stage in self.stages if done.get(stage.name, {}).get("key") != stage.key]

    def start(self, device: str | None) -> None:
        """Start the first stage that remains."""
        self._device, self._attempts = device, 0
        self._record(failed=None)
        self._launch()

    def finished(self) -> bool:
        """Look after the process; True once nothing is left to do, or something has failed."""
        assert self._process is not None
        code = self._process.poll()
        if code is None:
            return False
        stage = self.remaining[0]
        if code == 0:
            self._finish(stage)
        elif code < 0 and self._attempts < _ATTEMPTS:
            self._launch()
            return False
        else:
            self.failure = f"{stage.name}: {reason_in(self._process.log, code)}"
            self._record(failed={"stage": stage.name, "reason": self.failure})
            return True
        self._attempts = 0
        if not self.remaining:
            return True
        self._launch()
        return False

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.stop()

    def share_done(self) -> float:
        """Between 0 and 1: the stages that are finished, a training counting as nine evaluations."""
        remaining = {stage.name for stage in self.remaining}
        weights = {stage.name: 9.0 if stage.name == "train" else 1.0 for stage in self.stages}
        done = sum(weight for name, weight in weights.items() if name not in remaining)
        if "train" in remaining:
            done += weights["train"] * min(1.0, epochs_done(self.folder) / max(1, self._facts["epochs"]))
        return done / sum(weights.values())

    def _launch(self) -> None:
        stage = self.remaining[0]
        self._attempts += 1
        self._started = time.monotonic()
        more: dict[str, Any] = {}
        if stage.name == "train":
            more = {"resume": True, **self._start_of_warm_up()}
        elif "weights" not in stage.overrides:
            more = {"weights": str(self.folder / "model.pt")}
        if stage.name == "evaluate" and any(self.folder.glob("recognizer_*.pt")):
            more["recognizer_weights"] = str(self.folder)
        if "figures" in stage.overrides and "recognizer_weights" not in more:
            more["figures"] = [name for name in stage.overrides["figures"] if name != "cam"]
        write_json(self.folder / f"{stage.name}.config.json", stage.configuration())
        self._process = BundleProcess(self.folder, stage.name, stage.args_file(self._device, **more), self.threads)

    def _start_of_warm_up(self) -> dict[str, Any]:
        """Overrides that let a training begin where the warm-up has ended; none without a finished one."""
        if self.warm_up is None or not self.warm_up.finished:
            return {}
        if not any(self.folder.glob("checkpoint_iteration=*.pt")):
            _take_over(self.warm_up.folder, self.folder)
        return {
            "train#checkpoint#_target_": "monai_gradprom.experiments.shared_start.SharedStart",
            "train#checkpoint#start": str(self.warm_up.folder),
        }

    def _finish(self, stage: Stage) -> None:
        record = read_record(self.folder)
        row = {
            "key": stage.key,
            "seconds": round(time.monotonic() - self._started, 1),
            "finished": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "device": self._device,
        }
        if stage.name == "train":
            row["updates"] = max(map(iteration_of, self.folder.glob("checkpoint_iteration=*.pt")), default=0)
        self._record(stages={**record.get("stages", {}), stage.name: row})

    def _record(self, **changed: Any) -> None:
        record = {**self._facts, "versions": versions(), **{"stages": {}, "failed": None}}
        kept = {name: value for name, value in read_record(self.folder).items() if name in ("stages", "failed")}
        write_json(self.folder / RECORD, {**record, **kept, **changed})


def _facts(work: Run | WarmUp) -> dict[str, Any]:
    train = work.stages[0] if isinstance(work, Run) else work.stage
    facts: dict[str, Any] = {"bundle": train.bundle.name, "bundle_version": train.bundle.version}
    if isinstance(work, WarmUp):
        return {**facts, "kind": "warm-up", "epochs": work.epochs or 0}
    epochs = int(work.switches.get("max_epochs", 1))
    own = {"switches": work.switches, "cell": work.cell, "ignored": list(work.ignored), "key": work.key}
    return {**facts, "kind": "run", "epochs": epochs, **own}


def _take_over(source: Path, target: Path) -> None:
    """Copy the warm-up's best weights and curves; its checkpoint is taken over by the training itself."""
    target.mkdir(parents=True, exist_ok=True)
    for pattern in _SHARED:
        for path in source.glob(pattern):
            if path.is_dir():
                shutil.copytree(path, target / path.name, dirs_exist_ok=True)
            elif not path.name.startswith("checkpoint_"):
                shutil.copy2(path, target / path.name)
