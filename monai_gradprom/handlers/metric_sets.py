# SPDX-License-Identifier: Apache-2.0
"""The metrics of an :class:`~monai_gradprom.engines.EnhancementEvaluator`, by the names that reports know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from monai.metrics import CumulativeIterationMetric
from torch import Tensor

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.handlers.per_image import PerImageMetric
from monai_gradprom.handlers.scored import ScoredImagesMetric
from monai_gradprom.metrics import (
    BalancedAccuracy,
    MacroAUC,
    PooledMeanIoU,
    area_difference,
    delta_e,
    hit,
    image_iou,
    psnr,
    ssim,
)

if TYPE_CHECKING:
    from monai_gradprom.engines import AuxiliaryTask

__all__ = ["image_metrics", "recognition_metrics"]

# per task: metrics that each image has a value of
_OF_IMAGES: dict[str, dict[str, Callable[[int], Callable[..., Tensor]]]] = {
    "diagnosis": {"accuracy": lambda classes: hit},
    "segmentation": {
        "iou": lambda classes: partial(image_iou, num_classes=classes),
        "area_difference": lambda classes: partial(area_difference, num_classes=classes),
    },
}
# per task: name of the pooled metric, its class, what the evaluator's keys for it end in
_POOLED: dict[str, tuple[tuple[str, Callable[[int], CumulativeIterationMetric], str], ...]] = {
    "diagnosis": (
        ("balanced_accuracy", BalancedAccuracy, ""),
        ("auc", MacroAUC, "_probabilities"),
    ),
    "segmentation": (("miou", PooledMeanIoU, ""),),
}
# what the evaluator calls an image, and what a metric on it is called
_VIEWS = (("image", "_input"), ("pred", ""), ("label", "_clean"))


def image_metrics(region: str | None = None, color: bool = False) -> dict[str, PerImageMetric]:
    """PSNR and SSIM of the enhanced image and, ending in ``_input``, of the baseline that it has to beat.

    Args:
        region: key of a mask [1, *spatial] in the batch; pixels where it is not zero count. None: all count.
        color: DeltaE as well (CIEDE2000, for RGB and grey images).

    Returns:
        ``psnr, psnr_input, ssim, ssim_input``, and ``delta_e, delta_e_input``; with a region ``psnr_sector,
        psnr_sector_input, ...`` in its name. All can be a ``key_val_metric`` but DeltaE, which is better when lower;
        the first, ``psnr``, is then the key metric.
    """
    functions: dict[str, Callable[..., Tensor]] = {"psnr": psnr, "ssim": ssim}
    functions |= {"delta_e": delta_e} if color else {}
    suffix, mask = ("", []) if region is None else (f"_{region}", [region])
    return {
        f"{name}{suffix}{ending}": PerImageMetric(function, [key, "label", *mask])
        for name, function in functions.items()
        for key, ending in (("pred", ""), ("baseline", "_input"))
    }


def recognition_metrics(
    tasks: Sequence[str | AuxiliaryTask], num_classes: Mapping[str, int]
) -> dict[str, ScoredImagesMetric | PerImageMetric]:
    """What the recognizers make of the baseline (``_input``), the enhanced and the clean image (``_clean``).

    Args:
        tasks: tasks or their names: ``diagnosis`` is measured by accuracy, balanced accuracy and AUC, ``segmentation``
            by mIoU over classes with background, pooled, and by each image's IoU and relative area difference.
        num_classes: classes per task name; other names in it do not matter.

    Returns:
        ``accuracy_input, accuracy, accuracy_clean``, the same with ``balanced_accuracy`` and ``auc``, and with
        ``miou``, ``iou`` and ``area_difference``; only those of ``tasks``. Images without the semantic label are passed
        over; nan when none has it. Accuracy, IoU and area difference have a value for each image.

    Raises:
        InputError: a task of another name, or one that ``num_classes`` lacks.
    """
    metrics: dict[str, ScoredImagesMetric | PerImageMetric] = {}
    for task in (task if isinstance(task, str) else task.name for task in tasks):
        check_choice("task", task, _POOLED)
        if task not in num_classes:
            raise InputError(f"num_classes names {sorted(num_classes)} but not the task {task!r}; add its classes.")
        classes = num_classes[task]
        for name, function in _OF_IMAGES[task].items():
            for view, ending in _VIEWS:
                metrics[name + ending] = PerImageMetric(function(classes), [f"{task}_{view}", f"{task}_target"])
        for name, metric, kind in _POOLED[task]:
            for view, ending in _VIEWS:
                keys = [f"{task}_{view}{kind}", f"{task}_target"]
                metrics[name + ending] = ScoredImagesMetric(metric(classes), keys)
    return metrics
