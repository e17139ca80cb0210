# SPDX-License-Identifier: Apache-2.0
"""To each low-quality item a high-quality image, drawn anew in every pass and yet repeatable."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_gradprom.datasets.replayable import EpochIndex, ReplayableDataset
from monai_gradprom.errors import InputError

__all__ = ["GuidedDataset"]


class GuidedDataset(ReplayableDataset):
    """ReplayableDataset whose items also hold ``guide``, an image of another list.

    Which guide it is, and what its own random transforms do to it, are a function of (seed, pass, item) as everything
    else is: not of the workers, the process, or a resumed run.

    Args:
        data: the items to enhance.
        transform: for them, as in :class:`ReplayableDataset`.
        guides: the list that guides are drawn from, every one as likely.
        guide_transform: for a guide; it works on ``image``, and of its result only that is kept.
        seed: the run's seed.
        cache: every other argument, as in :class:`monai.data.CacheDataset`, for both lists.

    Raises:
        InputError: there is no guide, or an image is on both sides.
    """

    def __init__(
        self, data: Any, transform: Any, guides: Any, guide_transform: Any, seed: int = 0, **cache: Any
    ) -> None:
        if not len(guides):
            raise InputError("there is no high-quality image to guide by; see --high_quality_dir and --high_quality.")
        both = {_source(item) for item in data} & {_source(item) for item in guides}
        if both:
            raise InputError(f"{min(both)[0]}: is among the low-quality and the high-quality images; choose its side.")
        self.guides = ReplayableDataset(guides, guide_transform, seed=seed, **cache)
        super().__init__(data, transform, seed=seed, **cache)

    def _transform(self, index: int) -> Any:
        item = super()._transform(index)
        rng = np.random.default_rng([self.seed, self._epoch, int(index)])
        # a pass of its own for every draw, so that a guide that is drawn twice does not look the same twice
        turn = self._epoch * len(self) + int(index)
        guide = self.guides[EpochIndex(turn, int(rng.integers(len(self.guides))))]
        return item | {"guide": guide["image"], "guide_id": guide.get("id", "")}


def _source(item: Any) -> tuple[str, Any]:
    return str(item["image"]), item.get("frame")
