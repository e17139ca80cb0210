# SPDX-License-Identifier: Apache-2.0
"""Continue another strategy's warm-up."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from monai_gradprom.errors import InputError
from monai_gradprom.handlers.checkpoint import TrainingCheckpoint
from monai_gradprom.handlers.checkpoint_files import atomic_save, latest_checkpoint, read_checkpoint

__all__ = ["SharedStart"]

logger = logging.getLogger("monai_gradprom.checkpoint")
# what of a trainer's state is its own strategy's, and means nothing before the recognizers are cascaded
_OWN = ("setting", "strategy")


class SharedStart(TrainingCheckpoint):
    """A :class:`TrainingCheckpoint` whose first moment is the end of a warm-up that another strategy has made.

    Until the recognizers are cascaded every strategy trains the enhancer alone, on the same batches, from the same
    weights. So a checkpoint of that time is every strategy's: networks, optimizers, learning rates, random states and
    best results are taken as they are; only what the trainer remembers of its strategy is this run's own. Everything
    after that, including a later ``resume``, is as without it: the results are equal to the bit.

    Args:
        start: the warm-up's ``output_dir``.
        arguments: as of :class:`TrainingCheckpoint`.
    """

    def __init__(self, *args: Any, start: str | Path, **arguments: Any) -> None:
        super().__init__(*args, **arguments)
        self.start = Path(start)

    def restore(self) -> bool:
        """Continue from this run's own latest checkpoint, or else from the warm-up.

        Raises:
            InputError: as :meth:`TrainingCheckpoint.restore`; for a warm-up that is not there, or that is longer than
                this run's.
        """
        if latest_checkpoint(self.output_dir) is None:
            self._adopt()
        self.resume = True
        return super().restore()

    def _adopt(self) -> None:
        path = latest_checkpoint(self.start)
        if path is None:
            raise InputError(f"{self.start} holds no checkpoint to start from: run its training first.")
        content = read_checkpoint(path)
        trainer = self.objects["trainer"]
        taken, own = content["trainer"], trainer.state_dict()
        if trainer.tasks and taken["iteration"] > trainer.warmup_epochs * taken["epoch_length"]:
            raise InputError(
                f"{path} is of iteration {taken['iteration']}, after the {trainer.warmup_epochs} epochs in which the "
                "enhancer is trained alone: start from a warm-up of that length."
            )
        trained = {name: taken["trained"].get(name, flag) for name, flag in own["trained"].items()}
        content["trainer"] = {**taken, **{name: own[name] for name in _OWN}, "trained": trained}
        missing = sorted(self.objects.keys() - content.keys())
        if missing:
            raise InputError(f"{path} lacks {', '.join(missing)}: start from a warm-up with the same recognizers.")
        atomic_save({name: content[name] for name in [*self.objects, "setting"]}, self.output_dir / path.name)
        logger.info("the warm-up is that of %s", path)
