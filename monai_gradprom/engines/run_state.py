# SPDX-License-Identifier: Apache-2.0
"""Where a training run stands and what it is: everything of a checkpoint but networks, optimizers, random states."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monai.engines import SupervisedTrainer

if TYPE_CHECKING:
    from .trainer import GradPromTrainer

__all__ = ["restore_run_state", "run_state"]

# what outlives the process beside ignite's own counters
_KEPT = ("skipped_updates", "best_metric", "best_metric_epoch")
_POSITION = ("epoch_length", "max_epochs", "max_iters", "iteration")


def run_state(trainer: GradPromTrainer) -> OrderedDict:
    """The state of ``trainer``, in types that ``weights_only`` loading admits."""
    state = SupervisedTrainer.state_dict(trainer)
    state.update({name: getattr(trainer.state, name) for name in _KEPT})
    state["precision"] = trainer.precision.state_dict()
    state["setting"] = _setting(trainer)
    state["strategy"] = trainer.strategy.state_dict()
    state["trained"] = {task.name: task.trained for task in trainer.tasks}
    return state


def restore_run_state(trainer: GradPromTrainer, state: Mapping[str, Any]) -> None:
    """Let ``trainer`` continue from :func:`run_state`.

    Raises:
        ValueError: when it is of a run with another strategy, schedule or set of tasks.
    """
    if state["setting"] != _setting(trainer):
        raise ValueError(f"the checkpoint's setting is {state['setting']}, this run's is {_setting(trainer)}.")
    SupervisedTrainer.load_state_dict(trainer, {key: state[key] for key in _POSITION if key in state})
    for name in _KEPT:
        setattr(trainer.state, name, state[name])
    trainer.precision.load_state_dict(state["precision"])
    trainer.strategy.load_state_dict(state["strategy"])
    for task in trainer.tasks:
        task.trained = state["trained"][task.name]


def _setting(trainer: GradPromTrainer) -> dict[str, Any]:
    return {
        "strategy": trainer.strategy.setting(),
        "warmup_epochs": trainer.warmup_epochs,
        "accumulation_steps": trainer.accumulation_steps,
        "tasks": {task.name: [task.target_key, str(task.weight)] for task in trainer.tasks},
    }
