# SPDX-License-Identifier: Apache-2.0
"""The training engine: SupervisedTrainer with auxiliary tasks and an update strategy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.engines.workflow import Workflow
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from monai_gradprom.errors import InputError
from monai_gradprom.strategies import EnhancerOnly, GateReport, Gradients, UpdateStrategy, get_strategy

from .adversary import Adversary, check_adversaries
from .bookkeeping import SKIPPED, accumulation_window, mean_terms, position_sampler, task_outputs, with_meta_of
from .checks import check_run, check_tasks
from .distributed import average, average_gradients, batch_share, broadcast_state, require_same_length, weighted_means
from .precision import Precision
from .task import AuxiliaryTask, plain

__all__ = ["GradPromTrainer"]

# what outlives the process beside ignite's own counters
_KEPT = ("skipped_updates", "best_metric", "best_metric_epoch")


class GradPromTrainer(SupervisedTrainer):
    """Train an enhancer with the help of recognizers.

    Everything of :class:`monai.engines.SupervisedTrainer` holds for the enhancer: its arguments, events, inferer,
    postprocessing, metrics, handlers, mixed precision, accumulation and compilation. What differs:

    - ``optim_set_to_none`` defaults to True, which saves one copy of θ's gradients.
    - ``amp`` works on every device type: bfloat16 by default on the CPU, float16 with loss scaling on CUDA
      (``amp_kwargs={"dtype": torch.bfloat16}`` for bfloat16). Gradients are unscaled before ``BACKWARD_COMPLETED``.
    - under ``accumulation_steps`` gradients are summed aside, the gate decides once at the boundary, and ``.grad`` is
      filled only there.
    - ``compile`` compiles the enhancer in place, so that checkpoints keep their names, and turns off donated buffers
      (``torch._functorch.config.donated_buffer``) for the process.
    - in several processes (torchrun), all start from the first one's parameters, and gradients are averaged before the
      gate decides, each process's counting by its share of the samples; the losses in ``engine.state`` are those of
      the whole batch. Networks wrapped in DistributedDataParallel, whose hooks never see the gradients, are refused.
    - an update with a gradient that is not finite, in whichever process, is skipped, in any precision and for all
      networks alike; its reports say NaN, neither open nor closed.
    - ``iteration_update`` is refused: it would replace the strategy.

    ``engine.state.output`` carries the usual keys (``loss`` is L_IP) and per task ``<name>_loss``, ``<name>_cosine``,
    ``<name>_gate`` and ``<name>_ratio`` (NaN where the strategy does not know them). ``engine.state.task_reports``
    holds the last update's :class:`GateReport` per task, ``engine.state.task_losses`` the losses, and
    ``engine.state.skipped_updates`` counts updates skipped, for all networks alike, because a gradient was not finite.
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
            # the gate runs the backward graph twice, and a donated buffer would be gone by then
            from torch._functorch import config  # not there until imported

            config.donated_buffer = False
            self.network.compile(**(compile_kwargs or {}))
        self.precision = Precision(self.state.device, amp, self.amp_kwargs)
        self.strategy.average_with(average)
        self._alone = EnhancerOnly()
        self._pending: Gradients | None = None
        self.state.skipped_updates = 0
        self.state.task_reports = {}
        self.state.task_losses = {}
        self.state.loss_terms = {}
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
        Workflow.run(self)

    def state_dict(self) -> OrderedDict:
        """Where the run stands, and what it is: everything but networks, optimizers and random states."""
        state = super().state_dict()
        state.update({name: getattr(self.state, name) for name in _KEPT})
        state["precision"] = self.precision.state_dict()
        state["setting"] = self._setting()
        state["strategy"] = self.strategy.state_dict()
        state["trained"] = {task.name: task.trained for task in self.tasks}
        return state

    def load_state_dict(self, state_dict: Mapping) -> None:
        """Continue from :meth:`state_dict`.

        Raises:
            ValueError: when it is of a run with another strategy, schedule or set of tasks.
        """
        if state_dict["setting"] != self._setting():
            raise ValueError(f"the checkpoint's setting is {state_dict['setting']}, this run's is {self._setting()}.")
        position = ("epoch_length", "max_epochs", "max_iters", "iteration")
        super().load_state_dict({key: state_dict[key] for key in position if key in state_dict})
        for name in _KEPT:
            setattr(self.state, name, state_dict[name])
        self.precision.load_state_dict(state_dict["precision"])
        self.strategy.load_state_dict(state_dict["strategy"])
        for task in self.tasks:
            task.trained = state_dict["trained"][task.name]

    def _setting(self) -> dict[str, Any]:
        return {
            "strategy": self.strategy.setting(),
            "warmup_epochs": self.warmup_epochs,
            "accumulation_steps": self.accumulation_steps,
            "tasks": {task.name: [task.target_key, str(task.weight)] for task in self.tasks},
        }

    @property
    def accumulating(self) -> bool:
        """Whether gradients wait for the rest of their accumulation."""
        return self._pending is not None

    @property
    def cascaded(self) -> bool:
        """Whether the current epoch trains with the recognizers."""
        return bool(self.tasks) and self.state.epoch > self.warmup_epochs

    def _iteration(self, engine: GradPromTrainer, batchdata: dict[str, Tensor]) -> dict[str, Any]:  # type: ignore[override]
        """One mini-batch: forward, losses, gradients, and at an accumulation boundary the update."""
        if batchdata is None:
            raise ValueError("Must provide batch data for current iteration.")
        inputs, targets, args, kwargs = self._prepare(batchdata)
        tasks = self.tasks if self.cascaded else []
        strategy = self.strategy if tasks else self._alone
        self._set_modes(tasks)
        first, last = accumulation_window(self.state.iteration, self.state.epoch_length, self.accumulation_steps)
        if first:
            self._zero_grad()
        self.state.output = {Keys.IMAGE: inputs, Keys.LABEL: targets}
        share = batch_share(len(inputs), inputs.device)
        with self.precision.autocast():
            self.state.output[Keys.PRED] = with_meta_of(
                inputs, plain(self.inferer(plain(inputs), self.network, *args, **kwargs))
            )
            self.fire_event(IterationEvents.FORWARD_COMPLETED)
            pred = plain(self.state.output[Keys.PRED])
            self.state.output[Keys.LOSS] = self.loss_function(pred, plain(targets)).mean()
        self.fire_event(IterationEvents.LOSS_COMPLETED)
        main_loss = self.state.output[Keys.LOSS]
        self.state.output[Keys.LOSS] = main_loss.detach()
        losses: dict[str, Tensor] = {}

        def loss_of(task: AuxiliaryTask) -> Tensor:
            with self.precision.autocast():
                loss = task.loss(pred, plain(targets), batchdata)
            losses[task.name] = loss.detach()
            return self._scaled(loss, share)

        gradients = strategy.compute(
            pred,
            self._scaled(main_loss, share),
            # one recognizer runs after the other, when the strategy has room for it
            {task.name: partial(loss_of, task) for task in tasks},
            self._theta,
            _phis(tasks),
            {task.name: task.weight for task in tasks},
        )
        terms = dict(getattr(self.loss_function, "term_values", {}))
        for adversary in self.adversaries:
            with self.precision.autocast():
                terms[adversary.name] = adversary.loss(pred, plain(targets))
            # beside the recognizers', so that what happens to theirs happens to these
            gradients.phis[adversary.name] = adversary.differentiate(self._scaled(terms[adversary.name], share))
        self._pending = gradients if self._pending is None else self._pending.add_(gradients)
        self.state.task_reports = self._update(strategy, tasks) if last else {}
        self.state.output[Keys.LOSS], *means = weighted_means(
            [main_loss, *(losses[task.name] for task in tasks)], share
        )
        self.state.task_losses = {task.name: mean.item() for task, mean in zip(tasks, means, strict=True)}
        self.state.loss_terms = mean_terms(terms, share)
        self.state.output.update({f"{name}_loss": value for name, value in self.state.loss_terms.items()})
        self.state.output.update(task_outputs(tasks, self.state.task_reports, self.state.task_losses))
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output

    def _update(self, strategy: UpdateStrategy, tasks: Sequence[AuxiliaryTask]) -> dict[str, GateReport]:
        """Decide on the gradients gathered so far and step every optimizer, or none."""
        assert self._pending is not None
        average_gradients(self._pending)
        phis = _phis([*tasks, *self.adversaries])
        reports = strategy.apply(self._pending, self._theta, phis, {task.name: task.weight for task in tasks})
        self._pending = None
        trained: list[AuxiliaryTask | Adversary] = [*tasks] if strategy.trains_recognizer else []
        trained += self.adversaries
        optimizers = [self.optimizer, *(each.optimizer for each in trained if each.optimizer is not None)]
        self.precision.unscale_(optimizers)
        self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        finite = all(report.finite for report in reports.values()) and self.precision.all_finite(optimizers)
        if finite:
            self.precision.step(optimizers)
        else:
            self.state.skipped_updates += 1
            self.logger.warning("a gradient is not finite: update %d is skipped.", self.state.iteration)
            # a gate may have decided before φ's gradients were found out; nothing came of it
            reports = dict.fromkeys(reports, SKIPPED)
        self.precision.update()
        return reports

    def _scaled(self, loss: Tensor, share: Tensor | None) -> Tensor:
        """What is differentiated: a loss's part of the whole batch and of the accumulation, times the loss scale."""
        part = loss / self.accumulation_steps
        return self.precision.scale(part if share is None else part * share)

    def _prepare(self, batchdata: dict[str, Tensor]) -> tuple[Tensor, Tensor, tuple, dict]:
        if self.batch_transform is not None:
            batchdata = self.batch_transform(batchdata, self.state.device)
        batch = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)
        if len(batch) == 2:
            return batch[0], batch[1], (), {}
        return batch

    def _set_modes(self, tasks: Sequence[AuxiliaryTask]) -> None:
        self.network.train()
        for task in tasks:
            task.network.train(self.strategy.trains_recognizer)
        for adversary in self.adversaries:
            adversary.network.train()

    def _zero_grad(self) -> None:
        self._pending = None
        # the networks, not the optimizers: gradients reach parameters that no optimizer holds, and would pile up there
        for network in self.networks:
            network.zero_grad(set_to_none=self.optim_set_to_none)

    @property
    def networks(self) -> list[torch.nn.Module]:
        """The enhancer, the recognizers and the discriminator, as many as there are."""
        tasks, adversaries = ([other.network for other in others] for others in (self.tasks, self.adversaries))
        return [self.network, *tasks, *adversaries]

    @property
    def _theta(self) -> list[Tensor]:
        return list(self.network.parameters())


def _phis(others: Sequence[AuxiliaryTask | Adversary]) -> dict[str, list[Tensor]]:
    return {other.name: list(other.network.parameters()) for other in others}
