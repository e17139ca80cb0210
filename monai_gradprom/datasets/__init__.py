# SPDX-License-Identifier: Apache-2.0
"""Data on disk to MONAI's lists of dicts; one data set a file."""

from __future__ import annotations

from monai_gradprom.datasets.camus import camus_datalist
from monai_gradprom.datasets.datalist import folder_datalist, read_datalist
from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.datasets.labels import agree_on_label, all_labelled
from monai_gradprom.datasets.replayable import CacheBoundary, EpochIndex, EpochSampler, ReplayableDataset

__all__ = [
    "CacheBoundary",
    "EpochIndex",
    "EpochSampler",
    "ReplayableDataset",
    "agree_on_label",
    "all_labelled",
    "camus_datalist",
    "count_frames",
    "folder_datalist",
    "read_datalist",
]
