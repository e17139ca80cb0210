# SPDX-License-Identifier: Apache-2.0
"""Metrics: pooled mIoU, accuracies and AUC, PSNR, SSIM and DeltaE over the image or a region; ultrasound; cines.

Without a clean image: structure, new and lost edges, agreement of masks, FID and KID between sets.
"""

from __future__ import annotations

from monai_gradprom.metrics.agreement import area_difference, hit, image_iou
from monai_gradprom.metrics.color import RegionDeltaE, delta_e
from monai_gradprom.metrics.diagnosis import BalancedAccuracy, MacroAUC
from monai_gradprom.metrics.edges import lost_edges, new_edges, unsupported_edges
from monai_gradprom.metrics.feature_distance import frechet_distance, kernel_distance
from monai_gradprom.metrics.image_quality import psnr, ssim
from monai_gradprom.metrics.iou import PooledMeanIoU
from monai_gradprom.metrics.mask_agreement import mask_agreement, new_structure
from monai_gradprom.metrics.region import region_mean
from monai_gradprom.metrics.region_metrics import RegionPSNR, RegionSSIM
from monai_gradprom.metrics.steadiness import brightness, flicker, motion, warped_change
from monai_gradprom.metrics.structure import structure_similarity
from monai_gradprom.metrics.ultrasound import contrast_to_noise, generalized_contrast, speckle_snr

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
    "frechet_distance",
    "generalized_contrast",
    "hit",
    "image_iou",
    "kernel_distance",
    "lost_edges",
    "mask_agreement",
    "motion",
    "new_edges",
    "new_structure",
    "psnr",
    "region_mean",
    "speckle_snr",
    "ssim",
    "structure_similarity",
    "unsupported_edges",
    "warped_change",
]
