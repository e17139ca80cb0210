# SPDX-License-Identifier: Apache-2.0
"""Measurements as people read them: one row per image, mean ± standard deviation, degraded → enhanced."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from monai_gradprom.engines.distributed import every_process

__all__ = ["MetricReport", "quality_table"]

# what a table shows, in this order: title, metric on the baseline, on the enhanced output, on the clean image
ROWS = (
    ("PSNR [dB]", "psnr_input", "psnr", None),
    ("SSIM", "ssim_input", "ssim", None),
    ("DeltaE (CIEDE2000)", "delta_e_input", "delta_e", None),
    ("PSNR in the sector [dB]", "psnr_sector_input", "psnr_sector", None),
    ("SSIM in the sector", "ssim_sector_input", "ssim_sector", None),
    ("DeltaE in the sector", "delta_e_sector_input", "delta_e_sector", None),
    ("mIoU", "miou_input", "miou", "miou_clean"),
    ("IoU, each image", "iou_input", "iou", "iou_clean"),
    ("area, relative difference", "area_difference_input", "area_difference", "area_difference_clean"),
    ("accuracy", "accuracy_input", "accuracy", "accuracy_clean"),
    ("balanced accuracy", "balanced_accuracy_input", "balanced_accuracy", "balanced_accuracy_clean"),
    ("AUC", "auc_input", "auc", "auc_clean"),
    ("contrast-to-noise", "cnr_input", "cnr", None),
    ("generalised contrast (gCNR)", "gcnr_input", "gcnr", None),
    ("speckle SNR", "speckle_snr_input", "speckle_snr", None),
    ("FID to the good images", "fid_input", "fid", None),
    ("KID to the good images", "kid_input", "kid", None),
    ("structure of the input", None, "structure", None),
    ("edges that the input lacks", None, "new_edges", None),
    ("edges of the input that are lost", None, "lost_edges", None),
    ("recognizer's mask, IoU with the input's", None, "mask_agreement", None),
    ("recognizer's mask, share that is new", None, "new_structure", None),
    ("undegraded: contrast-to-noise", "cnr_undegraded", "cnr_undegraded_enhanced", None),
    ("undegraded: speckle SNR", "speckle_snr_undegraded", "speckle_snr_undegraded_enhanced", None),
)


def quality_table(metrics: dict[str, float], spread: dict[str, float] | None = None) -> str:
    """A text table "degraded → enhanced" of the metrics that are there and have a value.

    Args:
        metrics: mean per metric name.
        spread: standard deviation over images per metric name.
    """
    lines: list[tuple[str, ...]] = [("", "before", "enhanced", "clean")]
    for title, *names in ROWS:
        if names[1] in metrics and any(math.isfinite(metrics.get(name, math.nan)) for name in names if name):
            lines.append((title, *(_cell(name, metrics, spread or {}) for name in names)))
    if all(line[3] == "" for line in lines[1:]):
        lines = [line[:3] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]

    def render(line: Sequence[str]) -> str:
        cells = [f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True)]
        return f"  {line[0]:<{widths[0]}}  " + cells[0] + "  →  " + "     ".join(cells[1:])

    return "\n".join(render(line).rstrip() for line in lines)


class MetricReport:
    """Write an evaluation's per-image values and their mean ± standard deviation, and print the table.

    Writes ``metrics_per_image.csv`` (``id`` and one column per metric that has a value for each image) and
    ``metrics_summary.csv`` (``metric, mean, std, images``; the sample standard deviation; pooled metrics such as mIoU
    have a value for the whole set only). Of super-resolution the printed title says that "before" is the bicubic
    enlargement. Of several processes all collect and the first one writes, its own images first.

    Args:
        output_dir: folder of the files.
        title: first line of the printed table.
    """

    def __init__(self, output_dir: str | Path, title: str = "evaluation") -> None:
        self.output_dir = Path(output_dir)
        self.title = title
        self._ids: list[str] = []
        self._enlarged = False

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator; its metrics must be attached already."""
        engine.add_event_handler(Events.STARTED, self._restart)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def _restart(self) -> None:
        self._ids.clear()
        self._enlarged = False

    def _collect(self, engine: Engine) -> None:
        state: Any = engine.state
        self._enlarged = self._enlarged or any(is_enlarged(item) for item in state.output or [])
        self._ids.extend(str(item.get("id", len(self._ids) + i)) for i, item in enumerate(state.batch))

    def write(self, engine: Engine) -> None:
        """Write both files and print the table."""
        state: Any = engine.state
        # in the order in which the metrics gather their values
        ids = [name for part in every_process(self._ids) for name in part]
        if idist.get_rank() > 0:
            return
        known = {name: torch.as_tensor(values) for name, values in state.metric_details.items()}
        details = {
            name: values.flatten().double()
            for name, values in known.items()
            if len(values) == values.numel() == len(ids)
        }
        self.output_dir.mkdir(parents=True, exist_ok=True)
        with (self.output_dir / "metrics_per_image.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", *details])
            for i, name in enumerate(ids):
                writer.writerow([name, *(f"{float(values[i]):.6g}" for values in details.values())])
        spread = {name: _std(values) for name, values in details.items()}
        with (self.output_dir / "metrics_summary.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["metric", "mean", "std", "images"])
            for name, value in state.metrics.items():
                images = len(details[name].isfinite().nonzero() if name in details else known.get(name, ids))
                writer.writerow([name, f"{float(value):.6g}", f"{spread.get(name, math.nan):.6g}", images])
        before = '; "before" is the bicubic enlargement' if self._enlarged else ""
        print(f"\n{self.title} ({len(ids)} images{before})\n{quality_table(state.metrics, spread)}")
        print(f"  per image: {self.output_dir / 'metrics_per_image.csv'}", flush=True)


def is_enlarged(item: Mapping[str, Any]) -> bool:
    """Whether an item of an evaluator's output is one of super-resolution, whose baseline had to be enlarged."""
    return "baseline" in item and item["baseline"].shape != item["image"].shape


def _std(values: torch.Tensor) -> float:
    finite = values[torch.isfinite(values)]
    return float(finite.std()) if len(finite) > 1 else math.nan


def _cell(name: str | None, metrics: dict[str, float], spread: dict[str, float]) -> str:
    if name is None or name not in metrics:
        return ""
    deviation = spread.get(name, math.nan)
    value = float(metrics[name])
    digits = ".3f" if value == 0 or abs(value) >= 0.01 else ".1e"
    return f"{value:{digits}}" + (f" ± {deviation:.3f}" if math.isfinite(deviation) else "")
