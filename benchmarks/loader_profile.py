# SPDX-License-Identifier: Apache-2.0
"""What the transforms of a dataset cost, one by one: CPU time per sample, in this process."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from monai.data import CacheDataset
from monai.transforms import Compose

from monai_gradprom.datasets import EpochIndex

__all__ = ["REST", "TOTAL", "profile"]

TOTAL, REST = "all", "copy from the cache, seeds, MONAI's Compose"


def profile(dataset: CacheDataset, passes: int = 3) -> dict[str, float]:
    """Seconds of CPU time for one sample of cached data: of all transforms, of each by its class, and of the rest.

    Args:
        dataset: a :class:`~monai_gradprom.datasets.ReplayableDataset` whose cache is filled. Its transforms are watched
            from then on.
        passes: of which the quickest counts.
    """
    spent: Counter[str] = Counter()
    _watch(dataset.transform, spent)
    quickest: dict[str, float] = {}
    for epoch in range(passes):
        spent.clear()
        began = time.process_time()
        for item in range(len(dataset)):
            dataset[EpochIndex(epoch, item)]
        total = time.process_time() - began
        if not quickest or total < quickest[TOTAL]:
            quickest = {TOTAL: total, **spent, REST: total - sum(spent.values())}
    return {name: seconds / len(dataset) for name, seconds in quickest.items()}


def _watch(transform: Any, spent: Counter[str]) -> None:
    """Add the time of each call to ``spent``; what a Compose holds is watched by itself."""
    if isinstance(transform, Compose):
        for each in transform.transforms:
            _watch(each, spent)
        return
    kind = type(transform)

    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        began = time.process_time()
        try:
            return kind.__call__(self, *args, **kwargs)
        finally:
            spent[kind.__name__] += time.process_time() - began

    # a subclass, so that it stays random, invertible or whatever else MONAI asks for
    transform.__class__ = type(kind.__name__, (kind,), {"__call__": watched})
