# SPDX-License-Identifier: Apache-2.0
"""Handlers for the engines: telemetry, clipping, checkpoints, reports, pictures."""

from __future__ import annotations

from .checkpoint import BestModelSaver, TrainingCheckpoint, atomic_save, latest_checkpoint
from .clipping import GradientClipping
from .feature_distances import FeatureDistances
from .latest import LatestEpoch
from .loss_telemetry import LossTelemetry
from .metric_sets import image_metrics, recognition_metrics
from .per_image import PerImageMetric
from .picture import ComparisonPicture, save_comparison
from .report import MetricReport, quality_table
from .scored import ScoredImagesMetric
from .telemetry import GateTelemetry
from .unpaired_metrics import faithfulness_metrics, ultrasound_metrics

__all__ = [
    "BestModelSaver",
    "ComparisonPicture",
    "FeatureDistances",
    "GateTelemetry",
    "GradientClipping",
    "LatestEpoch",
    "LossTelemetry",
    "MetricReport",
    "PerImageMetric",
    "ScoredImagesMetric",
    "TrainingCheckpoint",
    "atomic_save",
    "faithfulness_metrics",
    "image_metrics",
    "latest_checkpoint",
    "quality_table",
    "recognition_metrics",
    "save_comparison",
    "ultrasound_metrics",
]
