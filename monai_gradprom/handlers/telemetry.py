# SPDX-License-Identifier: Apache-2.0
"""What the gate does, update by update: CSV, TensorBoard and one log line per epoch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ignite.engine import Engine

from monai_gradprom.handlers.update_rows import UpdateTelemetry

__all__ = ["GateTelemetry"]

FIELDS = ("epoch", "iteration", "task", "loss", "cosine", "gate", "ratio")


class GateTelemetry(UpdateTelemetry):
    """Record each task's loss, cosine, gate and ‖λG_VR‖/‖G_IP‖ of a :class:`GradPromTrainer`.

    Writes ``gate.csv`` with one row per task and update. A cell is empty where the strategy does not know the value. A
    resumed run drops the rows that it is about to write again, so the file equals the uninterrupted run's. The gate of
    an update that was skipped, since a gradient was not finite, is "nan": neither open nor closed, and in the log
    counted by itself.

    Args:
        output_dir: folder of the CSV; made when missing.
        summary_writer: a TensorBoard ``SummaryWriter``; scalars are named ``gate/<task>/<field>``.
        filename: name of the CSV.
    """

    def __init__(self, output_dir: str | Path, summary_writer: Any = None, filename: str = "gate.csv") -> None:
        super().__init__(Path(output_dir) / filename, FIELDS, "monai_gradprom.gate", summary_writer)
        self._epoch_rows: dict[str, list[dict[str, float | None]]] = {}

    def _record(self, engine: Engine) -> None:
        state: Any = engine.state
        rows = []
        for name, report in state.task_reports.items():
            values = {
                "loss": state.task_losses[name],
                "cosine": report.cosine,
                "gate": report.gate,
                "ratio": report.ratio,
            }
            rows.append({"epoch": state.epoch, "iteration": state.iteration, "task": name, **values})
            self._epoch_rows.setdefault(name, []).append(values)
            if self.writer is not None:
                for field, value in values.items():
                    if value is not None:
                        self.writer.add_scalar(f"gate/{name}/{field}", value, state.iteration)
        if rows:
            self.rows.append(rows)

    def _summarise(self, engine: Engine) -> None:
        for name, rows in self._epoch_rows.items():
            self.logger.info(
                "epoch %d, task %s: loss %s, gate open in %s of updates, cosine %s, |wG_VR|/|G_IP| %s%s",
                engine.state.epoch,
                name,
                _mean(rows, "loss"),
                _share_open(rows),
                _mean(rows, "cosine"),
                _mean(rows, "ratio"),
                _skipped(rows),
            )
        self._epoch_rows.clear()


def _mean(rows: list[dict[str, float | None]], field: str) -> str:
    values = [v for row in rows if (v := row[field]) is not None and math.isfinite(v)]
    return f"{sum(values) / len(values):.4g}" if values else "unknown"


def _skipped(rows: list[dict[str, float | None]]) -> str:
    count = sum(gate is not None and math.isnan(gate) for row in rows for gate in [row["gate"]])
    return f", {count} skipped" if count else ""


def _share_open(rows: list[dict[str, float | None]]) -> str:
    gates = [g for row in rows if (g := row["gate"]) is not None and math.isfinite(g)]
    return f"{100 * sum(g > 0 for g in gates) / len(gates):.0f} %" if gates else "unknown share"
