# SPDX-License-Identifier: Apache-2.0
"""What a training run refuses before it begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from monai_gradprom.errors import InputError
from monai_gradprom.strategies import UpdateStrategy

from .adversary import Adversary
from .task import AuxiliaryTask

__all__ = ["check_run", "check_tasks"]


def check_tasks(strategy: UpdateStrategy, tasks: Sequence[AuxiliaryTask]) -> None:
    """Refuse tasks that share a name, and a strategy without any that needs one.

    Raises:
        InputError: as said.
    """
    names = [task.name for task in tasks]
    if len(set(names)) != len(names) or Adversary.name in names:
        raise InputError(
            f"every auxiliary task needs a name of its own, and none may be called {Adversary.name!r}, got {names}."
        )
    if strategy.uses_recognizer and not tasks:
        raise InputError(
            f"strategy {type(strategy).__name__} needs at least one auxiliary task: pass `tasks`, or use "
            "strategy 'enhancer_only'."
        )


def check_run(strategy: UpdateStrategy, tasks: Sequence[AuxiliaryTask], networks: Iterable[nn.Module]) -> None:
    """Refuse recognizers that cannot do what the setting asks of them, and wrapped networks.

    Raises:
        InputError: as said.
    """
    for network in networks:
        if isinstance(network, DistributedDataParallel):
            raise InputError(
                "a network is wrapped in DistributedDataParallel, whose hooks never see the strategy's gradients: pass "
                "it bare, the trainer averages over processes itself."
            )
    for task in tasks:
        if task.optimizer is None and strategy.trains_recognizer:
            raise InputError(f"task {task.name!r} has no optimizer, but the strategy trains its recognizer: give one.")
        if task.trained or (task.target_key is not None and strategy.trains_recognizer):
            continue
        setting = "an unsupervised" if task.target_key is None else "a frozen"
        raise InputError(
            f"the recognizer of task {task.name!r} is untrained, and {setting} recognizer cannot teach what it never "
            "learnt: set --recognizer_pretrain_epochs or --recognizer_weights (in code: AuxiliaryTask(trained=True))."
        )
