# SPDX-License-Identifier: Apache-2.0
"""ISIC 2018 where a folder is that archive, else any folder of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.archive import find_files_folder
from monai_gradprom.datasets.isic2018 import ISIC2018_DIAGNOSES, isic2018_datalist
from monai_gradprom.datasets.own_images import own_datalist

__all__ = ["isic2018_or_own_datalist"]

_MARK = "ISIC2018_Task1-2_Training_Input"


def isic2018_or_own_datalist(
    root: str | Path,
    subset: str,
    split: str = "official",
    diagnoses: Sequence[str] = ISIC2018_DIAGNOSES,
    diagnosis_csv: str | Path | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """List one subset of ISIC 2018 task 1, or of any folder of images, DICOM too.

    Args:
        root: a folder with ``ISIC2018_Task1-2_Training_Input`` is ISIC 2018, see :func:`isic2018_datalist`, also for
            what follows; any other is split by patient, see :func:`own_datalist`, and has no labels.
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        split: ``"official"`` or ``"paper"``; of own images both mean the same.
        diagnoses: the classes of ISIC 2018.
        diagnosis_csv: a table of diagnoses; with one the folder is taken for ISIC 2018.
        seed: of what is drawn at random.

    Raises:
        InputError: as there.
    """
    folder = Path(root).expanduser()
    archive = folder.is_dir() and find_files_folder(folder, _MARK, (".jpg", ".jpeg", ".png")) is not None
    if archive or diagnosis_csv is not None:
        return isic2018_datalist(root, subset, split, diagnoses, diagnosis_csv, seed)
    return own_datalist(root, subset, split, seed)
