# SPDX-License-Identifier: Apache-2.0
"""The recognizers of a recipe, as its switches ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.handlers import LrScheduleHandler
from torch import nn

from monai_gradprom.engines import AuxiliaryTask
from monai_gradprom.errors import InputError
from monai_gradprom.losses import ConsistencyLoss
from monai_gradprom.networks import Recognizer, load_imagenet_resnet, load_weights
from monai_gradprom.strategies import parse_weight

from .switch_rules import as_bool

__all__ = ["Recognizers", "weights_file"]


class Recognizers:
    """Networks, losses, optimizers and weights of the auxiliary tasks, ready for the engines.

    Args:
        networks: task name (``"diagnosis"``, ``"segmentation"``) → network. A task's name is also the batch key of its
            semantic label.
        recognition: the task that is meant, or ``"both"`` for all of ``networks``. A network of another task is left
            out, also where a definition of one's own came without the recipe's ``_disabled_``.
        device: where the networks go.
        memory_format: in which they go there, such as ``torch.channels_last``.
        losses: task name → supervised loss (Eq. 4). Not needed for evaluation, as nothing below is.
        optimizer: called with a network's parameters.
        lr_scheduler: called with an optimizer; None for a constant learning rate.
        strategy: the update strategy; ``enhancer_only`` needs a recognizer only to measure with.
        supervised: Eq. 4, else Eq. 3: agreement with what the recognizer makes of the clean image.
        weight: λ or ``relative:ρ``, for each task.
        pretrain_epochs: epochs of training on clean images before they teach.
        weights: trained recognizers: a file (one task), a folder with ``recognizer_<task>.pt`` such as a run's
            ``output_dir``, or a mapping from task to file.
        backbone_weights: torchvision's ImageNet file for the backbones.

    Attributes:
        tasks: the :class:`AuxiliaryTask` objects; none where neither training nor measurement has a use for them.

    Raises:
        InputError: no network of the task that is meant; weights that are not there or do not fit.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        recognition: str = "both",
        device: torch.device | str = "cpu",
        memory_format: torch.memory_format = torch.preserve_format,
        losses: Mapping[str, Callable] | None = None,
        optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None,
        lr_scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
        strategy: str = "enhancer_only",
        supervised: bool | str = True,
        weight: float | str = 0.0,
        pretrain_epochs: int = 0,
        weights: str | Mapping[str, str] | None = None,
        backbone_weights: str | None = None,
    ) -> None:
        networks = _meant(networks, recognition)
        self.losses = dict(losses or {})
        self._names = list(networks)
        self._teach = strategy != "enhancer_only"
        self._supervised = as_bool(supervised, "supervised")
        self._pretrain = pretrain_epochs > 0 and weights is None
        self.tasks: list[AuxiliaryTask] = []
        self._schedulers: dict[str, Any] = {}
        if not (self._teach or self._pretrain or weights is not None):
            return
        for name, network in networks.items():
            if backbone_weights is not None:
                _load_backbone(network, backbone_weights)
            if weights is not None:
                load_weights(network, weights_file(weights, name, alone=len(networks) == 1))
            network.to(device, memory_format=memory_format)  # type: ignore[call-overload]
            own = optimizer(network.parameters()) if optimizer else None
            self.tasks.append(
                AuxiliaryTask(
                    name=name,
                    network=network,
                    loss_function=self.losses.get(name, _no_loss) if self._supervised else ConsistencyLoss(),
                    optimizer=own,
                    target_key=name if self._supervised else None,
                    weight=parse_weight(weight),
                    trained=weights is not None,
                )
            )
            if own is not None and lr_scheduler is not None:
                self._schedulers[name] = lr_scheduler(own)

    @property
    def files(self) -> dict[str, nn.Module]:
        """File name → network, as a run saves its best recognizers."""
        return {f"recognizer_{task.name}.pt": task.network for task in self.tasks}

    @property
    def target_keys(self) -> dict[str, str]:
        """Task name → batch key of its semantic label."""
        return {task.name: task.name for task in self.tasks}

    @property
    def labels_needed(self) -> dict[str, bool]:
        """Batch key → whether somebody learns from that label; also where there is no recognizer to learn."""
        needed = self._pretrain or (self._teach and self._supervised)
        return dict.fromkeys(self._names, needed)

    @property
    def checkpoint_objects(self) -> dict[str, Any]:
        """What a checkpoint holds of them, by name."""
        found: dict[str, Any] = {}
        for task in self.tasks:
            found[f"recognizer_{task.name}"] = task.network
            if task.optimizer is not None:
                found[f"optimizer_{task.name}"] = task.optimizer
        return found | {f"lr_scheduler_{name}": scheduler for name, scheduler in self._schedulers.items()}

    @property
    def lr_handlers(self) -> list[LrScheduleHandler]:
        """The handlers that step the learning rates after each epoch."""
        return [LrScheduleHandler(scheduler, print_lr=False) for scheduler in self._schedulers.values()]

    def only(self) -> AuxiliaryTask:
        """The one task, where a configuration trains a recognizer by itself.

        Raises:
            InputError: when there are several.
        """
        if len(self.tasks) != 1:
            names = " or ".join(task.name for task in self.tasks)
            raise InputError(f"recognizers are trained one at a time here: choose --recognition {names}.")
        return self.tasks[0]


def _meant(networks: Mapping[str, nn.Module], recognition: str) -> dict[str, nn.Module]:
    found = {name: network for name, network in networks.items() if recognition in ("both", name)}
    if networks and not found:
        raise InputError(f"recognizer_defs has {', '.join(networks)}, but no {recognition}; change --recognition.")
    return found


def weights_file(weights: str | Mapping[str, str], task: str, alone: bool) -> Path:
    """The file that holds a task's recognizer.

    Args:
        weights: a file, a folder or a mapping, as in :class:`Recognizers`.
        task: its name.
        alone: whether there is no other task; a single file serves one task only.

    Raises:
        InputError: when ``weights`` has no file for the task.
    """
    if isinstance(weights, Mapping):
        if task not in weights:
            raise InputError(f"--recognizer_weights names files for {sorted(weights)}: add one for {task!r}.")
        return Path(weights[task])
    path = Path(weights)
    if path.is_dir():
        return path / f"recognizer_{task}.pt"
    if not alone:
        raise InputError(
            f"--recognizer_weights {weights!r} is one file but there are several recognizers: name the folder that "
            "holds recognizer_diagnosis.pt and recognizer_segmentation.pt."
        )
    return path


def _load_backbone(network: nn.Module, path: str) -> None:
    if not isinstance(network, Recognizer):
        raise InputError(
            f"--backbone_weights is for this package's recognizers, not {type(network).__name__}: leave it out."
        )
    load_imagenet_resnet(network, path)


def _no_loss(*_: Any) -> torch.Tensor:
    raise ValueError("these recognizers were built for evaluation, without losses.")
