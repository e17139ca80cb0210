# SPDX-License-Identifier: Apache-2.0
"""The evaluation engine: image quality and what the recognizers see."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Events
from monai.data import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.utils import ensure_tuple
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from monai_gradprom.errors import InputError

from .baseline import enlarged_to
from .distributed import alone, broadcast_buffers
from .task import AuxiliaryTask, plain

__all__ = ["EnhancementEvaluator"]


class EnhancementEvaluator(SupervisedEvaluator):
    """Evaluate an enhancer and what recognizers make of the degraded, enhanced and clean image.

    ``engine.state.output["baseline"]`` is what the enhanced image is compared with: the degraded image, in
    super-resolution enlarged bicubically to the clean image's size (see :func:`enlarged_to`).

    Per task, ``engine.state.output`` gains ``<name>_image``, ``<name>_pred`` and ``<name>_label`` (the recognizer's
    class per image or pixel on the baseline, the enhanced and the clean image: [B, 1, *spatial] or [B, 1]); for a
    recognizer of whole images also the softmax of its logits, ``<name>_image_probabilities`` and so on (float32
    [B, K]); and, when the batch holds it, ``<name>_target``. A recognizer that recognises the clean image worse than
    before has collapsed.

    Of several processes each evaluates its own images, with the running statistics of the first one, and the metrics of
    :mod:`monai_gradprom.handlers` and MONAI pool them. A process without images takes part in the pooling alone.

    Args:
        tasks: the tasks whose recognizers look at the images; without any, only images are evaluated.
        enhance_label: also enhance the clean image and put the result under ``label_pred``: what the enhancer does to
            an image that nobody degraded, genuine noise and all.
        evaluator: every other argument, as in :class:`monai.engines.SupervisedEvaluator`. ``amp`` works on any device.

    Raises:
        InputError: on running, the enhanced and the clean image, or a mask and its image, differ in size.
    """

    def __init__(self, *, tasks: Sequence[AuxiliaryTask] = (), enhance_label: bool = False, **evaluator: Any) -> None:
        if evaluator.get("mode", "eval") != "eval":
            raise InputError("this evaluator runs networks in eval mode only: leave out `mode`.")
        self.tasks = list(tasks)
        self.enhance_label = enhance_label
        super().__init__(**evaluator)

    def run(self, global_epoch: int = 1) -> None:  # type: ignore[override]
        """Evaluate; ``global_epoch`` is the trainer's epoch, as in MONAI."""
        for network in (self.network, *(task.network for task in self.tasks)):
            broadcast_buffers(network)
        if self.state.epoch_length == 0 and not alone():
            self._take_part(global_epoch)
        else:
            super().run(global_epoch)

    def _take_part(self, global_epoch: int) -> None:
        """Everything of a run but its iterations; metrics wait for all processes at its end."""
        self.state.max_epochs = self.state.epoch = max(global_epoch, 1)
        self.state.iteration = 0
        for event in (Events.STARTED, Events.EPOCH_STARTED, Events.EPOCH_COMPLETED, Events.COMPLETED):
            self.fire_event(event)

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
        names = _names(batchdata, inputs)
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
                _check_sizes(pred, targets, names)
                baseline = enlarged_to(inputs, pred.shape[2:])
                self.state.output["baseline"] = baseline
                if self.enhance_label:
                    self.state.output["label_pred"] = plain(
                        self.inferer(plain(targets), self.network, *args, **kwargs)
                    ).float()
                for task in self.tasks:
                    views = {"image": baseline, "pred": pred, "label": targets}
                    self.state.output.update(_recognize(task, views, batchdata, names))
        finally:
            for module, training in modes.items():
                module.train(training)
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output


def _recognize(
    task: AuxiliaryTask, views: Mapping[str, Tensor | None], batch: Mapping[str, Any], names: str
) -> dict[str, Tensor]:
    found = {}
    for view, image in views.items():
        if image is not None:
            logits = task.network(plain(image))
            found[f"{task.name}_{view}"] = logits.argmax(dim=1, keepdim=True)
            if logits.ndim == 2:  # of whole images; for every pixel they would be as large as the features
                found[f"{task.name}_{view}_probabilities"] = logits.float().softmax(dim=1)
    # an unsupervised task still has a name under which the semantic label may be there, for measurement only
    target = batch.get(task.target_key or task.name)
    if target is not None:
        target = plain(target).to(logits.device).long()
        found[f"{task.name}_target"] = target[:, None] if target.ndim == 1 else target
        _check_sizes(found[f"{task.name}_pred"], found[f"{task.name}_target"], names, task.name)
    return found


def _check_sizes(pred: Tensor, label: Tensor | None, names: str, what: str = "clean image") -> None:
    if label is not None and pred.shape != label.shape:
        raise InputError(
            f"{names}: the {what} is {list(label.shape[1:])} (channels first) but the enhanced image leads to "
            f"{list(pred.shape[1:])}; give labels of the enhanced image's size and channels, and check --scale_factor "
            "and --degradation."
        )


def _names(batch: Mapping[str, Any], image: Tensor) -> str:
    """What a message calls the images of a batch."""
    files = image.meta.get("filename_or_obj") if isinstance(image, MetaTensor) else None
    return ", ".join(str(name) for name in ensure_tuple(batch.get("id") or files or "an image"))
