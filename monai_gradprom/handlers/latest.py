# SPDX-License-Identifier: Apache-2.0
"""A key metric for training whose success nothing measures."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine
from ignite.metrics import Metric

__all__ = ["LatestEpoch"]


class LatestEpoch(Metric):
    """The number of the epoch: the last one validated is the best.

    Unpaired training has no clean image whose PSNR could choose an epoch; its terms rise and fall with what the
    discriminator has learnt. The learning rate's schedule ends such a run, and its last weights are kept.
    """

    def reset(self) -> None:
        """Nothing to forget."""

    def update(self, output: Any) -> None:
        """Nothing to see."""

    def compute(self) -> float:
        """Not asked for; see :meth:`completed`."""
        return 0.0

    def completed(self, engine: Engine, name: str) -> None:
        """Write the number to ``engine.state.metrics``."""
        engine.state.metrics[name] = float(engine.state.epoch)
