# SPDX-License-Identifier: Apache-2.0
"""ISIC 2018 task 1, skin lesions (Codella et al., arXiv:1902.03368): official files to MONAI's list of dicts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.archive import files_in, find_files_folder, open_archive, unlike_archive
from monai_gradprom.datasets.diagnosis_table import DiagnosisTable, find_diagnosis_table
from monai_gradprom.datasets.subsets import SUBSETS, check_subset, draw_parts, finish_list
from monai_gradprom.errors import InputError

__all__ = ["ISIC2018_DIAGNOSES", "IsicLayout", "find_isic2018", "isic2018_datalist"]

ISIC2018_DIAGNOSES = ("MEL", "NV", "BKL")
_PARTS = {"training": "Training", "validation": "Validation", "testing": "Test"}
_IMAGE = re.compile(r"ISIC_\d+\.(jpe?g|png)", re.IGNORECASE)  # superpixels and masks have longer names


@dataclass(frozen=True)
class IsicLayout:
    """What lies on disk.

    Attributes:
        images: subset → images of its official folder, by name without extension; a missing folder is no key.
        masks: name of an image in lower case → its mask.
        table: diagnoses, where there is a table.
    """

    images: dict[str, dict[str, Path]]
    masks: dict[str, Path]
    table: DiagnosisTable | None


def find_isic2018(root: str | Path, diagnosis_csv: str | Path | None = None) -> IsicLayout:
    """Find images, masks and diagnoses of ISIC 2018 task 1.

    Raises:
        InputError: there is no such folder or no image in it, or the table of diagnoses is none.
    """
    base = open_archive(root, "ISIC 2018")
    folders = {
        s: find_files_folder(base, f"ISIC2018_Task1-2_{_PARTS[s]}_Input", (".jpg", ".jpeg", ".png")) for s in SUBSETS
    }
    images = {s: _images(folder) for s, folder in folders.items() if folder is not None}
    if not images.get("training"):
        raise unlike_archive(root, "ISIC 2018", "no ISIC2018_Task1-2_Training_Input/ISIC_*.jpg")
    ends = ("_segmentation.png",)
    truths = [find_files_folder(base, f"ISIC2018_Task1_{part}_GroundTruth", ends) for part in _PARTS.values()]
    masks = {p.name.lower().removesuffix(ends[0]): p for truth in truths for p in files_in(truth, ends)}
    nested = sorted(p for pattern in ("*Task3*GroundTruth*", "ISIC_2019*") for p in base.glob(pattern) if p.is_dir())
    return IsicLayout(images, masks, find_diagnosis_table([base, *nested], diagnosis_csv))


def _images(folder: Path) -> dict[str, Path]:
    return {p.stem: p for p in files_in(folder, (".jpg", ".jpeg", ".png")) if _IMAGE.fullmatch(p.name)}


def isic2018_datalist(
    root: str | Path,
    subset: str,
    split: str = "official",
    diagnoses: Sequence[str] = ISIC2018_DIAGNOSES,
    diagnosis_csv: str | Path | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """List the images of one subset of ISIC 2018 task 1.

    Task 1 carries no diagnosis. It is read from the CSV file in ``root`` or the given one: ``image_id,diagnosis``, or
    one column per diagnosis as in ISIC 2018 task 3 and ISIC 2019. What is missing is counted and reported in one line
    on the logger ``monai_gradprom.datasets``; it is not an error.

    Args:
        root: the folder with ``ISIC2018_Task1-2_Training_Input`` and ``ISIC2018_Task1_Training_GroundTruth``.
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        split: ``"official"`` takes the official folders of the three subsets, or, where one is missing, the ``split``
            column (train, val, test) of the CSV file over the training folder. ``"paper"`` deals the training folder
            at random by ``seed``: 20 % for testing and, out of the rest, 5 % of all for validation; at least one each.
        diagnoses: the classes in the order of their indices; any other diagnosis counts as missing.
        diagnosis_csv: the table, where it is not in ``root``.
        seed: of the paper's split.

    Returns:
        Dicts with ``id`` (``"ISIC_0000000"``), ``image`` and ``label`` (both the photograph, RGB), ``segmentation`` (0
        and 255) if there is a mask, and ``diagnosis`` (index in ``diagnoses``) if it is known.

    Raises:
        InputError: ``root`` holds no ISIC 2018, an argument is unknown, there is no official split, or nothing is left.
    """
    check_subset(subset, split)
    layout = find_isic2018(root, diagnosis_csv)
    gaps: Counter[str] = Counter()
    images = _official(layout, subset, root, gaps) if split == "official" else _paper(layout, subset, seed)
    items = [_item(layout, name, path, diagnoses, gaps) for name, path in images.items()]
    return finish_list(items, f"ISIC 2018 {subset} ({split} split)", root, gaps)


def _paper(layout: IsicLayout, subset: str, seed: int) -> dict[str, Path]:
    images = layout.images["training"]
    return {name: images[name] for name in draw_parts(images, seed, testing=0.2, validation=0.05)[subset]}


def _official(layout: IsicLayout, subset: str, root: str | Path, gaps: Counter[str]) -> dict[str, Path]:
    column = layout.table.subsets if layout.table else {}
    if column and len(layout.images) < len(SUBSETS):
        images = layout.images["training"]
        gaps["rows of images in the split column"] = sum(name.lower() not in column for name in images)
        return {name: path for name, path in images.items() if column.get(name.lower()) == subset}
    if subset not in layout.images or len(layout.images) == 1:  # all of the training folder would leave nothing to test
        part = _PARTS["testing" if subset == "training" else subset]
        raise InputError(
            f"dataset_dir {str(root)!r} lacks ISIC2018_Task1-2_{part}_Input, and no CSV file with a split column takes "
            "its place; use `--split paper` or complete the archive."
        )
    return layout.images[subset]


def _item(layout: IsicLayout, name: str, path: Path, diagnoses: Sequence[str], gaps: Counter[str]) -> dict[str, Any]:
    item: dict[str, Any] = {"id": name, "image": str(path), "label": str(path)}
    if name.lower() in layout.masks:
        item["segmentation"] = str(layout.masks[name.lower()])
    else:
        gaps["masks"] += 1
    diagnosis = layout.table.diagnoses.get(name.lower(), "") if layout.table else ""
    classes = [str(d).upper() for d in diagnoses]
    if diagnosis in classes:
        item["diagnosis"] = classes.index(diagnosis)
    elif layout.table:
        gaps[f"diagnoses among {', '.join(classes)}"] += 1
    return item
