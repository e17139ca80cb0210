# SPDX-License-Identifier: Apache-2.0
"""What a training has written down while it ran: TensorBoard's scalars and gate.csv."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

__all__ = ["Curve", "gate_curves", "mean_curve", "scalar_curves"]

Curve = dict[int, float]
"""Epoch → value."""

_VALIDATED = {"psnr", "ssim", "miou", "accuracy", "balanced_accuracy", "auc"}


def scalar_curves(folder: Path) -> dict[str, Curve]:
    """Validation metrics by epoch, from TensorBoard's event files; of an epoch written twice the later value counts."""
    if not folder.is_dir():
        return {}
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    events.Reload()
    found = {}
    for name in sorted(_VALIDATED & set(events.Tags()["scalars"])):
        listed = sorted(events.Scalars(name), key=lambda event: event.wall_time)
        found[name] = dict(sorted((event.step, event.value) for event in listed))
    return found


def gate_curves(path: Path) -> dict[str, dict[str, Curve]]:
    """Per task: the share of updates whose gate was open, mean cosine, mean ‖λG_VR‖/‖G_IP‖ and mean loss by epoch.

    Cells that are empty (the strategy does not know the value) or not finite (a skipped update) do not count.
    """
    if not path.is_file():
        return {}
    values: dict[str, dict[str, dict[int, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for field in ("gate", "cosine", "ratio", "loss"):
                if row[field] and math.isfinite(value := float(row[field])):
                    values[row["task"]][field][int(row["epoch"])].append(float(value > 0) if field == "gate" else value)
    return {
        task: {field: {epoch: float(np.mean(v)) for epoch, v in curve.items()} for field, curve in fields.items()}
        for task, fields in values.items()
    }


def mean_curve(curves: Iterable[Curve]) -> tuple[Sequence[int], np.ndarray, np.ndarray]:
    """Epochs that all curves have, their mean there, and their sample standard deviation (0 for a single curve)."""
    listed = [curve for curve in curves if curve]
    epochs = sorted(set.intersection(*(set(curve) for curve in listed))) if listed else []
    values = np.array([[curve[epoch] for epoch in epochs] for curve in listed], dtype=np.float64)
    if not epochs:
        return [], np.empty(0), np.empty(0)
    spread = values.std(axis=0, ddof=1) if len(listed) > 1 else np.zeros(len(epochs))
    return epochs, values.mean(axis=0), spread
