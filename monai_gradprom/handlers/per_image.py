# SPDX-License-Identifier: Apache-2.0
"""Any function of one image's tensors as an Ignite metric that keeps every image's value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from ignite.engine import Engine
from ignite.metrics import Metric
from ignite.metrics.metric import reinit__is_reduced
from monai.utils import evenly_divisible_all_gather

__all__ = ["PerImageMetric"]


class PerImageMetric(Metric):
    """Mean of ``function(item[key], …)`` over all images whose value is finite.

    Reads a decollated ``engine.state.output`` and ``engine.state.batch`` (lists of dicts, as MONAI's engines leave
    them). Every image's value goes to ``engine.state.metric_details[name]`` as a tensor [N], NaN where a key is missing
    or the function says so.

    Args:
        function: maps tensors [1, C, *spatial], one per key, to a number or a tensor of one element.
        keys: looked up in the output first, then in the batch.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        keys: Sequence[str],
        device: str | torch.device = "cpu",
    ) -> None:
        self.function = function
        self.keys = list(keys)
        super().__init__(device=device)

    @reinit__is_reduced
    def reset(self) -> None:
        """Forget all images."""
        self._values: list[float] = []

    @reinit__is_reduced
    def update(self, items: Sequence[dict[str, torch.Tensor]]) -> None:
        """Add the images of one batch, each a mapping from key to tensor [C, *spatial]."""
        for item in items:
            known = all(key in item for key in self.keys)
            self._values.append(
                float(self.function(*(torch.as_tensor(item[key])[None] for key in self.keys)))
                if known
                else float("nan")
            )

    @property
    def values(self) -> list[float]:
        """Of this process's images so far, in their order."""
        return list(self._values)

    def compute(self) -> float:
        """The mean over finite values, NaN when there is none."""
        values = self._gather()
        finite = values[torch.isfinite(values)]
        return float(finite.mean()) if len(finite) else float("nan")

    def iteration_completed(self, engine: Engine) -> None:
        """Update from the engine's state; ignite's own hook would pass the output alone."""
        state: Any = engine.state
        self.update([{**b, **o} for b, o in zip(state.batch, state.output, strict=True)])

    def completed(self, engine: Engine, name: str) -> None:
        """Write the mean to ``engine.state.metrics`` and the values to ``engine.state.metric_details``."""
        state: Any = engine.state
        state.metrics[name] = self.compute()
        state.metric_details[name] = self._gather()

    def _gather(self) -> torch.Tensor:
        # processes may have seen different numbers of images
        return evenly_divisible_all_gather(torch.tensor(self._values, dtype=torch.float64), concat=True)
