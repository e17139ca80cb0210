# SPDX-License-Identifier: Apache-2.0
"""What each term of an objective is, update by update: CSV, TensorBoard and one log line per epoch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ignite.engine import Engine

from monai_gradprom.handlers.update_rows import UpdateTelemetry

__all__ = ["LossTelemetry"]


class LossTelemetry(UpdateTelemetry):
    """Record ``engine.state.loss_terms`` of a :class:`~monai_gradprom.engines.GradPromTrainer`.

    Writes ``losses.csv`` with one row per mini-batch and term, ``epoch, iteration, term, value``; values are without
    the terms' weights. Like ``gate.csv`` it is continued exactly by a resumed run.

    Args:
        output_dir: folder of the CSV; made when missing.
        summary_writer: a TensorBoard ``SummaryWriter``; scalars are named ``loss/<term>``.
        filename: name of the CSV.
    """

    def __init__(self, output_dir: str | Path, summary_writer: Any = None, filename: str = "losses.csv") -> None:
        fields = ("epoch", "iteration", "term", "value")
        super().__init__(Path(output_dir) / filename, fields, "monai_gradprom.loss", summary_writer)
        self._epoch: dict[str, list[float]] = {}

    def _record(self, engine: Engine) -> None:
        state: Any = engine.state
        place = {"epoch": state.epoch, "iteration": state.iteration}
        self.rows.append({**place, "term": name, "value": value} for name, value in state.loss_terms.items())
        for name, value in state.loss_terms.items():
            self._epoch.setdefault(name, []).append(value)
            if self.writer is not None:
                self.writer.add_scalar(f"loss/{name}", value, state.iteration)

    def _summarise(self, engine: Engine) -> None:
        if self._epoch:
            means = ", ".join(f"{name} {_mean(values)}" for name, values in self._epoch.items())
            self.logger.info("epoch %d, terms of the loss: %s", engine.state.epoch, means)
        self._epoch.clear()


def _mean(values: list[float]) -> str:
    finite = [value for value in values if math.isfinite(value)]
    return f"{sum(finite) / len(finite):.4g}" if finite else "unknown"
