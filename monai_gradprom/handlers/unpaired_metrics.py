# SPDX-License-Identifier: Apache-2.0
"""What can be measured on an enhanced image without a clean one, by the names that reports know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from torch import Tensor

from monai_gradprom.handlers.per_image import PerImageMetric
from monai_gradprom.metrics import (
    contrast_to_noise,
    generalized_contrast,
    lost_edges,
    mask_agreement,
    new_edges,
    new_structure,
    speckle_snr,
    structure_similarity,
)

if TYPE_CHECKING:
    from monai_gradprom.engines import AuxiliaryTask

__all__ = ["faithfulness_metrics", "ultrasound_metrics"]


def faithfulness_metrics(
    region: str | None = None, tasks: Iterable[str | AuxiliaryTask] = ()
) -> dict[str, PerImageMetric]:
    """How far an enhanced image shows what its input shows: nothing made up, nothing lost.

    Args:
        region: key of a mask [1, *spatial] in the batch; pixels where it is not zero count. None: all count.
        tasks: tasks or their names; with ``segmentation`` among them, what its recognizer sees is compared too.

    Returns:
        ``structure`` (higher is better), ``new_edges`` and ``lost_edges`` (lower is better); with the task
        ``mask_agreement`` (higher) and ``new_structure`` (lower). Each image has a value.
    """
    mask = [] if region is None else [region]
    functions: dict[str, Callable[..., Tensor]]
    functions = {"structure": structure_similarity, "new_edges": new_edges, "lost_edges": lost_edges}
    metrics = {name: PerImageMetric(function, ["pred", "baseline", *mask]) for name, function in functions.items()}
    if "segmentation" in {task if isinstance(task, str) else task.name for task in tasks}:
        seen = ["segmentation_pred", "segmentation_image"]
        metrics["mask_agreement"] = PerImageMetric(mask_agreement, seen)
        metrics["new_structure"] = PerImageMetric(new_structure, seen)
    return metrics


def ultrasound_metrics(anatomy: str = "anatomy", blood: int = 1, wall: int = 2) -> dict[str, PerImageMetric]:
    """Contrast and speckle of the enhanced image and, ending in ``_input``, of its input.

    Args:
        anatomy: key of integer labels [1, *spatial] in the batch; images without are passed over.
        blood: the label of the cavity.
        wall: the label of the myocardium.

    Returns:
        ``cnr, gcnr, speckle_snr`` and ``cnr_input`` and so on: contrast-to-noise ratio between cavity and wall, the
        same in the generalised form that no change of the grey scale affects, and the ratio of mean and standard
        deviation within the wall. Each image has a value.
    """
    functions: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "cnr": lambda image, labels: contrast_to_noise(image, labels == blood, labels == wall),
        "gcnr": lambda image, labels: generalized_contrast(image, labels == blood, labels == wall),
        "speckle_snr": lambda image, labels: speckle_snr(image, labels == wall),
    }
    return {
        f"{name}{ending}": PerImageMetric(function, [key, anatomy])
        for name, function in functions.items()
        for key, ending in (("baseline", "_input"), ("pred", ""))
    }
