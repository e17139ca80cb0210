# SPDX-License-Identifier: Apache-2.0
"""Recognizers learn from clean images before they teach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.engines import SupervisedTrainer
from torch import Tensor

from monai_gradprom.datasets.replayable import EpochSampler
from monai_gradprom.errors import InputError

from .distributed import average, batch_share, broadcast_state, require_same_length, weighted_means
from .precision import Precision
from .task import AuxiliaryTask, plain

__all__ = ["RecognizerPretraining"]


class RecognizerPretraining:
    """Train each task's recognizer on clean images and their semantic labels, in one process or several.

    Args:
        tasks: the tasks; a recognizer that is already trained is left alone.
        data_loader: batches with ``label`` (clean image) and the semantic labels, such as the trainer's own.
        loss_functions: per task name, the supervised loss, called as ``loss(logits, target)``: an unsupervised task's
            own loss compares logits with logits and cannot serve here.
        target_keys: per task name, the batch key of the semantic label.
        epochs: passes over ``data_loader``.
        device: where to train.
        amp: mixed precision.
        amp_kwargs: arguments of :class:`torch.autocast`, as in the trainer.
        handlers: attached to each task's engine, for a progress bar, say.
    """

    def __init__(
        self,
        tasks: Sequence[AuxiliaryTask],
        data_loader: Iterable,
        loss_functions: dict[str, Callable],
        target_keys: dict[str, str],
        epochs: int,
        device: torch.device | str = "cpu",
        amp: bool = False,
        amp_kwargs: dict[str, Any] | None = None,
        handlers: Sequence[Any] = (),
    ) -> None:
        self.tasks = list(tasks)
        self.data_loader = data_loader
        self.loss_functions = loss_functions
        self.target_keys = target_keys
        self.epochs = int(epochs)
        self.device = torch.device(device)
        self.precision = Precision(self.device, amp, amp_kwargs)
        self.handlers = list(handlers)

    def run(self) -> None:
        """Train every recognizer that is not trained yet; nothing where ``epochs`` is 0."""
        for task in self.tasks:
            if self.epochs > 0 and not task.trained:
                self._train(task)
                task.trained = True

    def _train(self, task: AuxiliaryTask) -> None:
        if task.optimizer is None:
            raise InputError(f"task {task.name!r} has no optimizer, so its recognizer cannot be pre-trained.")
        optimizer, precision = task.optimizer, self.precision
        loss_function, key = self.loss_functions[task.name], self.target_keys[task.name]

        def update(engine: Engine, batch: dict[str, Tensor]) -> dict[str, Tensor]:
            if key not in batch:
                raise InputError(f"task {task.name!r} cannot be pre-trained: the data hold no {key!r}.")
            image, target = plain(batch["label"]).to(self.device), plain(batch[key]).to(self.device)
            task.network.train()
            optimizer.zero_grad()
            with precision.autocast():
                loss = loss_function(task.network(image), target).mean()
            share = batch_share(len(image), self.device)
            precision.scale(loss if share is None else loss * share).backward()
            average([p.grad for p in task.network.parameters()])
            precision.step([optimizer])
            precision.update()
            return {"loss": weighted_means([loss], share)[0]}

        engine = SupervisedTrainer(
            device=self.device,
            max_epochs=self.epochs,
            train_data_loader=self.data_loader,
            network=task.network,
            optimizer=optimizer,
            loss_function=loss_function,
            iteration_update=update,
            train_handlers=self.handlers,
            decollate=False,
        )
        sampler = getattr(self.data_loader, "sampler", None)
        if isinstance(sampler, EpochSampler):
            # the same passes as the trainer's, counted from its far end: no augmentation is seen twice
            engine.add_event_handler(Events.EPOCH_STARTED, lambda: sampler.set_position(2**20 + engine.state.epoch, 0))
        require_same_length(engine.state.epoch_length)
        broadcast_state(task.network)
        engine.run()
