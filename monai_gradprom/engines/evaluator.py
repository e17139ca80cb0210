# SPDX-License-Identifier: Apache-2.0
"""The evaluation engine: image quality and what the recognizers see."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.data import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from monai_gradprom.errors import InputError

from .task import AuxiliaryTask, plain

__all__ = ["EnhancementEvaluator"]


class EnhancementEvaluator(SupervisedEvaluator):
    """Evaluate an enhancer and what recognizers make of the degraded, enhanced and clean image.

    Per task, ``engine.state.output`` gains ``<name>_image``, ``<name>_pred`` and ``<name>_label`` (the recognizer's
    class per image or pixel on the degraded, enhanced and clean image: [B, 1, *spatial] or [B, 1]) and, when the batch
    holds it, ``<name>_target``. A recognizer that recognises the clean image worse than before has collapsed.

    Args:
        tasks: the tasks whose recognizers look at the images; without any, only images are evaluated.
        enhance_label: also enhance the clean image and put the result under ``label_pred``: what the enhancer does to
            an image that nobody degraded, genuine noise and all.
        evaluator: every other argument, as in :class:`monai.engines.SupervisedEvaluator`. ``amp`` works on any device.
    """

    def __init__(self, *, tasks: Sequence[AuxiliaryTask] = (), enhance_label: bool = False, **evaluator: Any) -> None:
        if evaluator.get("mode", "eval") != "eval":
            raise InputError("this evaluator runs networks in eval mode only: leave out `mode`.")
        self.tasks = list(tasks)
        self.enhance_label = enhance_label
        super().__init__(**evaluator)

    def state_dict(self) -> OrderedDict:
        """What outlives one evaluation: the best key metric so far and its epoch."""
        return OrderedDict(best_metric=self.state.best_metric, best_metric_epoch=self.state.best_metric_epoch)

    def load_state_dict(self, state_dict: Mapping) -> None:
        """Restore the best key metric."""
        self.state.best_metric = state_dict["best_metric"]
        self.state.best_metric_epoch = state_dict["best_metric_epoch"]

    def _iteration(self, engine: EnhancementEvaluator, batchdata: dict[str, Tensor]) -> dict[str, Any]:  # type: ignore[override]
        """One batch without gradients."""
        if batchdata is None:
            raise ValueError("Must provide batch data for current iteration.")
        batch = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)
        inputs, targets, args, kwargs = (*batch, (), {}) if len(batch) == 2 else batch
        self.state.output = {Keys.IMAGE: inputs, Keys.LABEL: targets}
        modes = {module: module.training for module in (self.network, *(task.network for task in self.tasks))}
        autocast = torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs)
        for module in modes:
            module.eval()
        try:
            with torch.no_grad(), autocast:
                pred = plain(self.inferer(plain(inputs), self.network, *args, **kwargs)).float()
                self.state.output[Keys.PRED] = (
                    MetaTensor(pred).copy_meta_from(inputs) if isinstance(inputs, MetaTensor) else pred
                )
                if self.enhance_label:
                    self.state.output["label_pred"] = plain(
                        self.inferer(plain(targets), self.network, *args, **kwargs)
                    ).float()
                for task in self.tasks:
                    self.state.output.update(_recognize(task, inputs, pred, targets, batchdata))
        finally:
            for module, training in modes.items():
                module.train(training)
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output


def _recognize(
    task: AuxiliaryTask, image: Tensor, pred: Tensor, label: Tensor | None, batch: dict[str, Any]
) -> dict[str, Tensor]:
    views = {"image": image, "pred": pred, "label": label}
    found = {
        f"{task.name}_{key}": task.network(plain(view)).argmax(dim=1, keepdim=True)
        for key, view in views.items()
        if view is not None
    }
    # an unsupervised task still has a name under which the semantic label may be there, for measurement only
    key = task.target_key or task.name
    if key in batch:
        target = plain(batch[key]).to(pred.device).long()
        found[f"{task.name}_target"] = target[:, None] if target.ndim == 1 else target
    return found
