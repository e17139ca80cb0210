# SPDX-License-Identifier: Apache-2.0
"""A finished run, as its folder tells it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from monai_gradprom.errors import InputError
from monai_gradprom.experiments.records import RECORD, read_record

from .curves import Curve, gate_curves, scalar_curves

__all__ = ["FIXED", "RunResult", "read_runs"]

FIXED = "fixed_"
"""What the names of metrics begin with that a fixed recognizer has measured."""

PerImage = dict[str, dict[str, float]]
_Value = TypeVar("_Value")


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a run is and what it measured.

    Args:
        folder: of the run.
        record: its record.json.
    """

    folder: Path
    record: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name

    @property
    def bundle(self) -> str:
        """The bundle's name."""
        return str(self.record["bundle"])

    @property
    def strategy(self) -> str:
        """The update strategy, or ``recognizer_only``."""
        return str(self.switches["strategy"])

    @property
    def seed(self) -> Any:
        """The seed."""
        return self.switches.get("seed")

    @property
    def ignored(self) -> frozenset[str]:
        """Switches that change nothing under the strategy."""
        return frozenset(self.record.get("ignored", ()))

    @cached_property
    def switches(self) -> dict[str, Any]:
        """Name → value, those of the bundle that are plain values, and those that the command line gave."""
        return {**self.record["switches"], "bundle": self.bundle}

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Metric → value over the whole test set; those that were measured."""
        return _summary(self.folder / "evaluation") | _fixed(_summary(self.folder / "evaluation_fixed"))

    @cached_property
    def per_image(self) -> PerImage:
        """Metric → image id → value."""
        folders = [self.folder / name / "metrics_per_image.csv" for name in ("evaluation", "evaluation_fixed")]
        return _per_image(folders[0]) | _fixed(_per_image(folders[1]))

    def transferred(self, bundle: str) -> dict[str, float]:
        """Metrics on another bundle's test set; empty where it was not tested there."""
        return _summary(self.folder / f"transfer_{bundle}")

    @cached_property
    def validation(self) -> dict[str, Curve]:
        """Metric → epoch → value on the validation set while it was trained."""
        return scalar_curves(self.folder / "tensorboard")

    @cached_property
    def gate(self) -> dict[str, dict[str, Curve]]:
        """Task → what the gate did, epoch by epoch."""
        return gate_curves(self.folder / "gate.csv")

    @property
    def seconds(self) -> float:
        """Of all its processes."""
        return sum(float(stage["seconds"]) for stage in self.record["stages"].values())


def read_runs(folders: Iterable[Path]) -> tuple[list[RunResult], dict[str, str]]:
    """Finished runs below the folders of grids, and why others have failed or are not finished.

    Raises:
        InputError: a folder is not there, or holds no run that was trained and evaluated.
    """
    found, others = {}, {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder; name the --output of `monai-gradprom compare`.")
        for path in sorted(folder.glob(f"*/{RECORD}")):
            record = read_record(path.parent)
            if record.get("kind") != "run":
                continue
            if {"train", "evaluate"} <= record["stages"].keys():
                found[path.parent.resolve()] = RunResult(path.parent, record)
            else:
                failed = record.get("failed") or {}
                others[path.parent.name] = failed.get("reason", "not finished")
    if not found:
        raise InputError(
            f"{', '.join(map(str, folders))}: no run here is trained and evaluated; run `monai-gradprom compare` first."
        )
    return list(found.values()), others


def _fixed(metrics: Mapping[str, _Value]) -> dict[str, _Value]:
    return {f"{FIXED}{name}": value for name, value in metrics.items()}


def _summary(folder: Path) -> dict[str, float]:
    path = folder / "metrics_summary.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["metric"]: float(row["mean"]) for row in csv.DictReader(file)}


def _per_image(path: Path) -> PerImage:
    if not path.is_file():
        return {}
    found: PerImage = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for metric, text in row.items():
                if metric != "id" and text and math.isfinite(value := float(text)):
                    found.setdefault(metric, {})[row["id"]] = value
    return found
