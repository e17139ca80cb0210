# SPDX-License-Identifier: Apache-2.0
"""Metrics: pooled mIoU, accuracies and AUC, PSNR, SSIM and DeltaE over the image or a region; ultrasound; cines."""

from __future__ import annotations

from monai_gradprom.metrics.agreement import area_difference, hit, image_iou
from monai_gradprom.metrics.color import RegionDeltaE, delta_e
from monai_gradprom.metrics.diagnosis import BalancedAccuracy, MacroAUC
from monai_gradprom.metrics.image_quality import psnr, ssim
from monai_gradprom.metrics.iou import PooledMeanIoU
from monai_gradprom.metrics.region import region_mean
from monai_gradprom.metrics.region_metrics import RegionPSNR, RegionSSIM
from monai_gradprom.metrics.steadiness import brightness, flicker, motion, warped_change
from monai_gradprom.metrics.ultrasound import contrast_to_noise, speckle_snr

__all__ = [
    "BalancedAccuracy",
    "MacroAUC",
    "PooledMeanIoU",
    "RegionDeltaE",
    "RegionPSNR",
    "RegionSSIM",
    "area_difference",
    "brightness",
    "contrast_to_noise",
    "delta_e",
    "flicker",
    "hit",
    "image_iou",
    "motion",
    "psnr",
    "region_mean",
    "speckle_snr",
    "ssim",
    "warped_change",
]
