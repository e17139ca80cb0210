# SPDX-License-Identifier: Apache-2.0
"""Data on disk to MONAI's lists of dicts; one data set a file."""

from __future__ import annotations

from monai_gradprom.datasets.camus import camus_datalist
from monai_gradprom.datasets.covidct import COVIDCT_CLASSES, covidct_datalist
from monai_gradprom.datasets.datalist import read_datalist, write_datalist
from monai_gradprom.datasets.folder import folder_datalist
from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.datasets.guided import GuidedDataset
from monai_gradprom.datasets.isic2018 import ISIC2018_DIAGNOSES, isic2018_datalist
from monai_gradprom.datasets.isic2018_or_own import isic2018_or_own_datalist
from monai_gradprom.datasets.labels import agree_on_labels, report_unlabelled, require_classes
from monai_gradprom.datasets.lizard import LIZARD_CLASSES, lizard_datalist
from monai_gradprom.datasets.readable import decode_files, drop_unreadable, find_faults
from monai_gradprom.datasets.ready import readable_items, training_items
from monai_gradprom.datasets.replayable import CacheBoundary, EpochIndex, EpochSampler, ReplayableDataset
from monai_gradprom.datasets.unpaired import (
    DIVISIONS,
    SIDES,
    camus_unpaired_datalist,
    high_quality_items,
    unpaired_items,
)

__all__ = [
    "COVIDCT_CLASSES",
    "DIVISIONS",
    "ISIC2018_DIAGNOSES",
    "LIZARD_CLASSES",
    "SIDES",
    "CacheBoundary",
    "EpochIndex",
    "EpochSampler",
    "GuidedDataset",
    "ReplayableDataset",
    "agree_on_labels",
    "camus_datalist",
    "camus_unpaired_datalist",
    "count_frames",
    "covidct_datalist",
    "decode_files",
    "drop_unreadable",
    "find_faults",
    "folder_datalist",
    "high_quality_items",
    "isic2018_datalist",
    "isic2018_or_own_datalist",
    "lizard_datalist",
    "read_datalist",
    "readable_items",
    "report_unlabelled",
    "require_classes",
    "training_items",
    "unpaired_items",
    "write_datalist",
]
