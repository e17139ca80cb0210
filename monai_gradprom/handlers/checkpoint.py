# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that hold everything, appear whole or not at all, and continue exactly."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from monai_gradprom.engines.distributed import every_process
from monai_gradprom.errors import InputError
from monai_gradprom.whole_files import remove_unfinished

from .checkpoint_files import atomic_save, latest_checkpoint, numbered, read_checkpoint

__all__ = ["BestModelSaver", "TrainingCheckpoint", "atomic_save", "latest_checkpoint"]

logger = logging.getLogger("monai_gradprom.checkpoint")


class TrainingCheckpoint:
    """Save and restore everything that a run consists of.

    Args:
        objects: what is saved, by name, anything with ``state_dict`` and ``load_state_dict``. The trainer itself is
            added as ``trainer``.
        output_dir: where ``checkpoint_iteration=N.pt`` go.
        save_interval: epochs between checkpoints; the last epoch is always saved.
        iteration_interval: iterations between further checkpoints within an epoch; 0 for none.
        n_saved: how many of the latest are kept.
        setting: name → value of what makes the run the experiment that it is; resuming with another value is refused.
        resume: continue from the latest checkpoint in ``output_dir`` when the run starts, or from scratch when there is
            none. A run may be resumed with more epochs than before.

    Of several processes the first one writes, and all restore, from storage that all of them see.
    """

    def __init__(
        self,
        objects: Mapping[str, Any],
        output_dir: str | Path,
        save_interval: int = 1,
        iteration_interval: int = 0,
        n_saved: int = 2,
        resume: bool = False,
        setting: Mapping[str, str] | None = None,
    ) -> None:
        self.objects = dict(objects)
        self.setting = dict(setting or {})
        self.output_dir = Path(output_dir)
        self.save_interval = save_interval
        self.iteration_interval = iteration_interval
        self.n_saved = n_saved
        self.resume = resume
        self._saved = 0
        self._own: list[Path] = []

    def attach(self, engine: Engine) -> None:
        """Register with a trainer; attach it after handlers whose work a checkpoint of the same event shall hold."""
        self.objects["trainer"] = engine
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.save_interval), self.save)
        engine.add_event_handler(Events.COMPLETED, self.save)
        if self.iteration_interval:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._save_if_due)

    def save(self, engine: Engine) -> None:
        """Write a checkpoint of this moment, and drop the oldest and those of an earlier run in the same folder."""
        # gradients that wait for the rest of their accumulation are in no state dict
        if self._saved == engine.state.iteration or getattr(engine, "accumulating", False):
            return
        self._saved = engine.state.iteration
        path = self.output_dir / f"checkpoint_iteration={engine.state.iteration}.pt"
        # in every process: random states are gathered
        content = {name: item.state_dict() for name, item in self.objects.items()}
        if idist.get_rank() > 0:
            return
        atomic_save(content | {"setting": self.setting}, path)
        self._keep([*self._own, path])

    def _keep(self, own: list[Path]) -> None:
        self._own = own[-self.n_saved :]
        # an earlier run's checkpoint of a later iteration would be the one that a resumed run continues from
        for old in set(numbered(self.output_dir)) - set(self._own) if idist.get_rank() == 0 else ():
            old.unlink(missing_ok=True)

    def _save_if_due(self, engine: Engine) -> None:
        # the end of an epoch comes with its validation, whose result belongs into the checkpoint
        state: Any = engine.state
        ends_epoch = state.iteration % state.epoch_length == 0
        if state.iteration - self._saved >= self.iteration_interval and not ends_epoch:
            self.save(engine)

    def restore(self) -> bool:
        """Continue from the latest checkpoint if asked to; call it before the engine runs.

        Returns:
            whether there was one.

        Raises:
            InputError: for a checkpoint that cannot be read or belongs to another setting, or that some processes see
                and others do not.
        """
        path = latest_checkpoint(self.output_dir)
        if idist.get_rank() == 0:
            remove_unfinished(self.output_dir, "*.pt")
        if self.resume:
            _require_same_file(path)
        if path is None or not self.resume:
            if path is not None:
                logger.warning("%s is of an earlier run: the first checkpoint of this one replaces it.", path)
            return False
        content = self._read(path)
        self._compare(path, content.pop("setting"))
        engine = self.objects["trainer"]
        wanted = engine.state.max_epochs
        if content["trainer"]["epoch_length"] != engine.state.epoch_length:
            raise InputError(
                f"{path.name} is of a run with {content['trainer']['epoch_length']} batches an epoch, this one has "
                f"{engine.state.epoch_length}: resume with the data and --batch_size that it was started with."
            )
        # the trainer first: it knows whether the rest is of the same experiment
        for name in sorted(self.objects, key=lambda name: name != "trainer"):
            item = self.objects[name]
            try:
                item.load_state_dict(content[name])
            except (RuntimeError, ValueError, KeyError) as error:
                raise InputError(
                    f"{path.name} does not fit this run's {name!r}: resume with the switches that it was started with, "
                    "or choose another --output_dir."
                ) from error
        engine.state.max_epochs = wanted
        self._saved = engine.state.iteration
        self._keep(numbered(self.output_dir))
        logger.info("resumed from %s", path)
        return True

    def _read(self, path: Path) -> dict[str, Any]:
        content = read_checkpoint(path)
        missing = sorted((self.objects.keys() | {"setting"}) ^ content.keys())
        if missing:
            raise InputError(
                f"{path.name} and this run disagree on {', '.join(missing)}: resume with the switches that it was "
                "started with, or choose another --output_dir."
            )
        return content

    def _compare(self, path: Path, saved: Mapping[str, str]) -> None:
        for name in sorted(saved.keys() | self.setting.keys()):
            before, now = saved.get(name, "not there"), self.setting.get(name, "not there")
            if before != now:
                raise InputError(
                    f"{path.name} is of a run with {name} {before}, this one has {now}: resume with the switches that "
                    "it was started with, or choose another --output_dir."
                )


def _require_same_file(path: Path | None) -> None:
    names = every_process(None if path is None else path.name)
    if len(set(names)) > 1:
        raise InputError(
            f"--resume: the processes find different checkpoints ({', '.join(map(str, names))}): put --output_dir on "
            "storage that all machines share."
        )


class BestModelSaver:
    """Keep the bare state dicts of the epoch with the best key metric.

    Args:
        networks: file name → network, such as ``{"model.pt": enhancer}``.
        output_dir: folder of the files.
    """

    def __init__(self, networks: Mapping[str, torch.nn.Module], output_dir: str | Path) -> None:
        self.networks = dict(networks)
        self.output_dir = Path(output_dir)

    def attach(self, engine: Engine) -> None:
        """Register with the evaluator whose key metric counts."""
        engine.add_event_handler(Events.COMPLETED, self._save_if_best)

    def _save_if_best(self, engine: Engine) -> None:
        state: Any = engine.state
        if state.best_metric_epoch == state.epoch:
            for name, network in self.networks.items():
                atomic_save(network.state_dict(), self.output_dir / name)
