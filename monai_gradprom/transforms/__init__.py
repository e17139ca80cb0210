# SPDX-License-Identifier: Apache-2.0
"""Loading, scaling, degrading, augmenting and saving of clinical images, as MONAI transforms."""

from __future__ import annotations

from monai_gradprom.transforms.augmentation import paper_augmentation
from monai_gradprom.transforms.batch_degradation import BatchDegradation, DrawDegradationd
from monai_gradprom.transforms.challenge import (
    ChallengeDegradation,
    ChallengeDegradationd,
    RandChallengeDegradation,
    RandChallengeDegradationd,
)
from monai_gradprom.transforms.degradation_base import Degradation, RandDegradation
from monai_gradprom.transforms.degradation_dict import Degradationd, RandDegradationd, stable_seed
from monai_gradprom.transforms.degradations import DEGRADATIONS, get_batch_degradation, get_degradation, replay
from monai_gradprom.transforms.dominant_class import DominantClassd, dominant_class
from monai_gradprom.transforms.downsample import DOWNSAMPLINGS, DownsampleDegradation, DownsampleDegradationd
from monai_gradprom.transforms.gaussian import (
    GaussianDegradation,
    GaussianDegradationd,
    RandGaussianDegradation,
    RandGaussianDegradationd,
)
from monai_gradprom.transforms.intensity import ScaleStoredRange, ScaleStoredRanged, stored_dtype
from monai_gradprom.transforms.label_answer import AnswerMONAILabeld
from monai_gradprom.transforms.loading import LoadClinicalImage, LoadClinicalImaged
from monai_gradprom.transforms.multiple import CropToMultipled
from monai_gradprom.transforms.nuclei_reader import UNKNOWN_NUCLEUS, LizardLabelReader
from monai_gradprom.transforms.perceptual import NOISES, PerceptualDegradation, RandPerceptualDegradation
from monai_gradprom.transforms.perceptual_dict import PerceptualDegradationd, RandPerceptualDegradationd
from monai_gradprom.transforms.resizing import ResizeLongSide, ResizeLongSided
from monai_gradprom.transforms.same_sized import EnsureSameSized
from monai_gradprom.transforms.saving import SaveEnhancedImage, SaveEnhancedImaged
from monai_gradprom.transforms.sector import SectorMaskd, sector_mask
from monai_gradprom.transforms.speckle import (
    RandSpeckleDegradation,
    RandSpeckleDegradationd,
    SpeckleDegradation,
    SpeckleDegradationd,
)
from monai_gradprom.transforms.structures import SelectStructures, SelectStructuresd

__all__ = [
    "DEGRADATIONS",
    "DOWNSAMPLINGS",
    "NOISES",
    "UNKNOWN_NUCLEUS",
    "AnswerMONAILabeld",
    "BatchDegradation",
    "ChallengeDegradation",
    "ChallengeDegradationd",
    "CropToMultipled",
    "Degradation",
    "Degradationd",
    "DominantClassd",
    "DownsampleDegradation",
    "DownsampleDegradationd",
    "DrawDegradationd",
    "EnsureSameSized",
    "GaussianDegradation",
    "GaussianDegradationd",
    "LizardLabelReader",
    "LoadClinicalImage",
    "LoadClinicalImaged",
    "PerceptualDegradation",
    "PerceptualDegradationd",
    "RandChallengeDegradation",
    "RandChallengeDegradationd",
    "RandDegradation",
    "RandDegradationd",
    "RandGaussianDegradation",
    "RandGaussianDegradationd",
    "RandPerceptualDegradation",
    "RandPerceptualDegradationd",
    "RandSpeckleDegradation",
    "RandSpeckleDegradationd",
    "ResizeLongSide",
    "ResizeLongSided",
    "SaveEnhancedImage",
    "SaveEnhancedImaged",
    "ScaleStoredRange",
    "ScaleStoredRanged",
    "SectorMaskd",
    "SelectStructures",
    "SelectStructuresd",
    "SpeckleDegradation",
    "SpeckleDegradationd",
    "dominant_class",
    "get_batch_degradation",
    "get_degradation",
    "paper_augmentation",
    "replay",
    "sector_mask",
    "stable_seed",
    "stored_dtype",
]
