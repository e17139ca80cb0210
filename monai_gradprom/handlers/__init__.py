# SPDX-License-Identifier: Apache-2.0
"""Handlers for the engines: telemetry, clipping, checkpoints, reports, pictures."""

from __future__ import annotations

from .checkpoint import BestModelSaver, TrainingCheckpoint, atomic_save, latest_checkpoint
from .clipping import GradientClipping
from .loss_telemetry import LossTelemetry
from .metric_sets import image_metrics, recognition_metrics
from .per_image import PerImageMetric
from .picture import ComparisonPicture, save_comparison
from .report import MetricReport, quality_table
from .scored import ScoredImagesMetric
from .telemetry import GateTelemetry

__all__ = [
    "BestModelSaver",
    "ComparisonPicture",
    "GateTelemetry",
    "GradientClipping",
    "LossTelemetry",
    "MetricReport",
    "PerImageMetric",
    "ScoredImagesMetric",
    "TrainingCheckpoint",
    "atomic_save",
    "image_metrics",
    "latest_checkpoint",
    "quality_table",
    "recognition_metrics",
    "save_comparison",
]
