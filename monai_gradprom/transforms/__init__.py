# SPDX-License-Identifier: Apache-2.0
"""Loading, scaling, degrading, augmenting and saving of clinical images, as MONAI transforms."""

from __future__ import annotations

from monai_gradprom.transforms.augmentation import RandCenterScaleCropd, paper_augmentation
from monai_gradprom.transforms.degradations import get_degradation, replay
from monai_gradprom.transforms.gaussian import GaussianDegradation, RandGaussianDegradation
from monai_gradprom.transforms.gaussian_dict import GaussianDegradationd, RandGaussianDegradationd, stable_seed
from monai_gradprom.transforms.intensity import ScaleStoredRange, ScaleStoredRanged, stored_dtype
from monai_gradprom.transforms.loading import LoadClinicalImage, LoadClinicalImaged
from monai_gradprom.transforms.saving import SaveEnhancedImage, SaveEnhancedImaged
from monai_gradprom.transforms.sector import SectorMaskd, sector_mask
from monai_gradprom.transforms.structures import SelectStructures, SelectStructuresd

__all__ = [
    "GaussianDegradation",
    "GaussianDegradationd",
    "LoadClinicalImage",
    "LoadClinicalImaged",
    "RandCenterScaleCropd",
    "RandGaussianDegradation",
    "RandGaussianDegradationd",
    "SaveEnhancedImage",
    "SaveEnhancedImaged",
    "ScaleStoredRange",
    "ScaleStoredRanged",
    "SectorMaskd",
    "SelectStructures",
    "SelectStructuresd",
    "get_degradation",
    "paper_augmentation",
    "replay",
    "sector_mask",
    "stable_seed",
    "stored_dtype",
]
