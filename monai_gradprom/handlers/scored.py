# SPDX-License-Identifier: Apache-2.0
"""A MONAI metric over those images that have the semantic label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import ignite.distributed as idist
import torch
from ignite.metrics.metric import reinit__is_reduced
from monai.handlers import IgniteMetricHandler
from monai.metrics import CumulativeIterationMetric

__all__ = ["ScoredImagesMetric"]


class ScoredImagesMetric(IgniteMetricHandler):
    """:class:`monai.handlers.IgniteMetricHandler` that passes over images which lack what it compares.

    The value is nan where no image has both, so that a set without semantic labels is evaluated all the same.

    Args:
        metric_fn: called with two lists of tensors, [1, ...] each.
        keys: of the prediction and the truth in a decollated ``engine.state.output``.
    """

    def __init__(self, metric_fn: CumulativeIterationMetric, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        super().__init__(metric_fn)

    @reinit__is_reduced
    def reset(self) -> None:
        """Forget all images."""
        super().reset()
        self._images = 0

    @reinit__is_reduced
    def update(self, output: Sequence[Mapping[str, Any]]) -> None:
        """Add the images of one batch, each a mapping from key to tensor."""
        scored = [item for item in output if all(key in item for key in self.keys)]
        if scored:
            self._images += len(scored)
            super().update([[item[key] for item in scored] for key in self.keys])

    def compute(self) -> float:
        """The metric of all processes' images; nan when none was scored."""
        state: Any = self._engine.state if self._engine else None
        if not idist.all_reduce(self._images):  # the same in every process: the metric gathers
            state.metric_details[self._name] = torch.empty(0)  # instead of an earlier run's
            return math.nan
        value = super().compute()
        details = state.metric_details[self._name]  # of MacroAUC a list: probabilities and classes
        state.metric_details[self._name] = _of_images(details[0] if isinstance(details, list) else details)
        return value


def _of_images(details: torch.Tensor) -> torch.Tensor:
    """Without the rows, zero or nan throughout, that processes without images have put in: they are no images."""
    return details[(details.nan_to_num() != 0).flatten(1).any(dim=1)]
