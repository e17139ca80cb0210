# SPDX-License-Identifier: Apache-2.0
"""The training engine: SupervisedTrainer with auxiliary tasks and an update strategy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.engines.workflow import Workflow
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from monai_gradprom.errors import InputError
from monai_gradprom.strategies import EnhancerOnly, GateReport, UpdateStrategy, get_strategy

from .adversary import Adversary, check_adversaries
from .batch_norm import make_twice_differentiable
from .bookkeeping import SKIPPED, accumulation_window, position_sampler, publish, with_meta_of
from .checks import check_run, check_tasks
from .compiled import compile_in_place
from .distributed import average, batch_share, broadcast_state, require_same_length
from .mini_batch import MiniBatch, Scaling
from .precision import Precision
from .run_state import restore_run_state, run_state
from .task import AuxiliaryTask, plain
from .update import Update

__all__ = ["GradPromTrainer"]


class GradPromTrainer(SupervisedTrainer):
    """Train an enhancer with the help of recognizers.

    Everything of :class:`monai.engines.SupervisedTrainer` holds for the enhancer: its arguments, events, inferer,
    postprocessing, metrics, handlers, mixed precision, accumulation and compilation. What differs:

    - ``optim_set_to_none`` defaults to True, which saves one copy of θ's gradients.
    - ``amp`` works on every device type: bfloat16 by default on the CPU, float16 with loss scaling on CUDA
      (``amp_kwargs={"dtype": torch.bfloat16}`` for bfloat16). Gradients are unscaled before ``BACKWARD_COMPLETED``.
    - under ``accumulation_steps`` gradients are summed aside, the gate decides once at the boundary, and ``.grad`` is
      filled only there.
    - ``compile`` compiles the enhancer in place, see :func:`~monai_gradprom.engines.compiled.compile_in_place`.
    - in several processes (torchrun), all start from the first one's parameters, and gradients are averaged before the
      gate decides, each process's counting by its share of the samples; the losses in ``engine.state`` are those of
      the whole batch. Networks wrapped in DistributedDataParallel, whose hooks never see the gradients, are refused.
    - an update with a gradient that is not finite, in whichever process, is skipped, in any precision and for all
      networks alike; its reports say NaN, neither open nor closed.
    - ``iteration_update`` is refused: it would replace the strategy.

    ``engine.state.output`` carries the usual keys (``loss`` is L_IP) and per task ``<name>_loss``, ``<name>_cosine``,
    ``<name>_gate`` and ``<name>_ratio`` (NaN where the strategy does not know them). ``engine.state.task_reports``
    holds the last update's :class:`GateReport` per task, ``engine.state.task_losses`` the losses, and
    ``engine.state.skipped_updates`` counts skipped updates.
    Of a loss function with ``term_values`` (:class:`~monai_gradprom.losses.MultiTermLoss`), and of a discriminator,
    ``engine.state.loss_terms`` holds each term without its weight, and ``output`` each as ``<term>_loss``.

    Args:
        tasks: the auxiliary tasks.
        strategy: an :class:`UpdateStrategy` or the name of one.
        warmup_epochs: epochs in which the enhancer is trained alone before the recognizers are cascaded (paper, 3.2).
        adversary: trains the discriminator of a loss function with adversarial guidance.
        batch_transform: called with each mini-batch and the device before ``prepare_batch``, such as a
            :class:`~monai_gradprom.transforms.BatchDegradation`, which degrades it there.
        supervised: every other argument, as in :class:`monai.engines.SupervisedTrainer`.

    Raises:
        ValueError: for an unknown strategy.
        InputError: for tasks that share a name or are missing, for accumulation over epochs of unknown length, and,
            when the run starts, for a recognizer that the setting needs trained and that is not, for a discriminator
            that nothing trains, or for processes with different numbers of batches.
    """

    def __init__(
        self,
        *,
        tasks: Sequence[AuxiliaryTask] = (),
        strategy: UpdateStrategy | str = "gradprom",
        warmup_epochs: int = 0,
        adversary: Adversary | None = None,
        batch_transform: Callable[[dict[str, Tensor], torch.device], dict[str, Tensor]] | None = None,
        amp: bool = False,
        compile: bool = False,
        compile_kwargs: dict[str, Any] | None = None,
        optim_set_to_none: bool = True,
        **supervised: Any,
    ) -> None:
        if supervised.get("iteration_update") is not None:
            raise InputError("iteration_update would replace the update strategy: pass a strategy of your own instead.")
        self.strategy = get_strategy(strategy) if isinstance(strategy, str) else strategy
        self.tasks = list(tasks) if self.strategy.uses_recognizer else []
        self.warmup_epochs = int(warmup_epochs)
        self.adversaries = [] if adversary is None else [adversary]
        self.batch_transform = batch_transform
        check_tasks(self.strategy, self.tasks)
        super().__init__(amp=amp, optim_set_to_none=optim_set_to_none, **supervised)
        if self.accumulation_steps > 1 and self.state.epoch_length is None:
            raise InputError("accumulation_steps needs to know where an epoch ends: give epoch_length.")
        if compile:
            compile_in_place(self.network, compile_kwargs)
        self.precision = Precision(self.state.device, amp, self.amp_kwargs)
        self.strategy.average_with(average)
        self._update: Update | None = None
        self.state.skipped_updates = 0
        self.state.task_reports, self.state.task_losses, self.state.loss_terms = {}, {}, {}
        for event in (Events.EPOCH_STARTED, Events.DATALOADER_STOP_ITERATION):
            self.add_event_handler(event, lambda: position_sampler(self.data_loader, self.state.iteration))

    def run(self) -> None:  # type: ignore[override]
        """Train until ``max_epochs``, from wherever the state is; nothing is left to do after the last epoch."""
        check_run(self.strategy, self.tasks, self.networks)
        check_adversaries(self.loss_function, self.adversaries)
        if self.state.epoch_length and self.state.iteration >= self.state.epoch_length * self.state.max_epochs:
            # ignite would begin again at iteration 0
            self.logger.info("all %d epochs are done already.", self.state.max_epochs)
            return
        require_same_length(self.state.epoch_length)
        for network in self.networks:
            broadcast_state(network)
            if self.strategy.differentiates_twice:
                make_twice_differentiable(network)
        Workflow.run(self)

    def state_dict(self) -> OrderedDict:
        """Where the run stands, and what it is, see :func:`~monai_gradprom.engines.run_state.run_state`."""
        return run_state(self)

    def load_state_dict(self, state_dict: Mapping) -> None:
        """Continue from :meth:`state_dict`; ValueError for that of a run with another setting."""
        restore_run_state(self, state_dict)

    @property
    def accumulating(self) -> bool:
        """Whether gradients wait for the rest of their accumulation."""
        return self._update is not None and self._update.gathered is not None

    @property
    def cascaded(self) -> bool:
        """Whether the current epoch trains with the recognizers."""
        return bool(self.tasks) and self.state.epoch > self.warmup_epochs

    @property
    def networks(self) -> list[torch.nn.Module]:
        """The enhancer, the recognizers and the discriminator, as many as there are."""
        tasks, adversaries = ([other.network for other in others] for others in (self.tasks, self.adversaries))
        return [self.network, *tasks, *adversaries]

    def _iteration(self, engine: GradPromTrainer, batchdata: dict[str, Tensor]) -> dict[str, Any]:  # type: ignore[override]
        """One mini-batch: forward, losses, gradients, and at an accumulation boundary the update."""
        if batchdata is None:
            raise ValueError("Must provide batch data for current iteration.")
        batch = self._prepare(batchdata)
        first, last = accumulation_window(self.state.iteration, self.state.epoch_length, self.accumulation_steps)
        if first or self._update is None:
            self._update = self._begin()
        self._update.set_modes()
        main_loss = self._forward(batch)
        losses, terms = self._update.add(main_loss, plain(self.state.output[Keys.PRED]), batch)
        self.state.task_reports = self._step(self._update) if last else {}
        terms = {**getattr(self.loss_function, "term_values", {}), **terms}
        publish(self.state, main_loss, losses, terms, batch.scaling.share)
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output

    def _prepare(self, batchdata: dict[str, Tensor]) -> MiniBatch:
        given = batchdata if self.batch_transform is None else self.batch_transform(batchdata, self.state.device)
        image, target, *more = self.prepare_batch(given, self.state.device, self.non_blocking, **self.to_kwargs)
        args, kwargs = more or ((), {})
        scaling = Scaling(self.precision, self.accumulation_steps, batch_share(len(image), image.device))
        return MiniBatch(batchdata, image, target, args, kwargs, scaling)

    def _begin(self) -> Update:
        # the networks, not the optimizers: gradients reach parameters that no optimizer holds, and would pile up there
        for network in self.networks:
            network.zero_grad(set_to_none=self.optim_set_to_none)
        tasks = self.tasks if self.cascaded else []
        strategy = self.strategy if tasks else EnhancerOnly()
        return Update(strategy, self.network, self.optimizer, tasks, self.adversaries)

    def _forward(self, batch: MiniBatch) -> Tensor:
        """Enhance; L_IP with its graph. Handlers of its events may replace what they find in ``state.output``."""
        output = self.state.output = {Keys.IMAGE: batch.image, Keys.LABEL: batch.target}
        with self.precision.autocast():
            pred = plain(self.inferer(plain(batch.image), self.network, *batch.args, **batch.kwargs))
            output[Keys.PRED] = with_meta_of(batch.image, pred)
            self.fire_event(IterationEvents.FORWARD_COMPLETED)
            output[Keys.LOSS] = self.loss_function(plain(output[Keys.PRED]), plain(batch.target)).mean()
        self.fire_event(IterationEvents.LOSS_COMPLETED)
        main_loss = output[Keys.LOSS]
        output[Keys.LOSS] = main_loss.detach()
        return main_loss

    def _step(self, update: Update) -> dict[str, GateReport]:
        """Decide on the gradients gathered so far and step every optimizer, or none."""
        reports = update.decide()
        self.precision.unscale_(update.optimizers)
        self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        if self.precision.step_all(update.optimizers, all(report.finite for report in reports.values())):
            return reports
        self.state.skipped_updates += 1
        self.logger.warning("a gradient is not finite: update %d is skipped.", self.state.iteration)
        # a gate may have decided before φ's gradients were found out; nothing came of it
        return dict.fromkeys(reports, SKIPPED)
