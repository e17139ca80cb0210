# SPDX-License-Identifier: Apache-2.0
"""Handlers for the engines: telemetry, checkpoints, reports, pictures."""

from __future__ import annotations

from .checkpoint import BestModelSaver, TrainingCheckpoint, atomic_save, latest_checkpoint
from .per_image import PerImageMetric
from .picture import ComparisonPicture, save_comparison
from .report import MetricReport, quality_table
from .telemetry import GateTelemetry

__all__ = [
    "BestModelSaver",
    "ComparisonPicture",
    "GateTelemetry",
    "MetricReport",
    "PerImageMetric",
    "TrainingCheckpoint",
    "atomic_save",
    "latest_checkpoint",
    "quality_table",
    "save_comparison",
]
