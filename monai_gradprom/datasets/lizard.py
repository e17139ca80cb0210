# SPDX-License-Identifier: Apache-2.0
"""Lizard, nuclei in colon tissue (Graham et al., ICCV workshops 2021): official files to MONAI's list of dicts."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.datasets.archive import files_in, find_folders, open_archive, unlike_archive
from monai_gradprom.datasets.subsets import check_subset, draw_parts, finish_list
from monai_gradprom.errors import InputError
from monai_gradprom.transforms.dominant_class import dominant_class
from monai_gradprom.transforms.nuclei_reader import LIZARD_CLASSES, nuclei_class_map, read_nuclei

__all__ = ["LIZARD_CLASSES", "LizardLayout", "find_lizard", "lizard_datalist"]


@dataclass(frozen=True)
class LizardLayout:
    """What lies on disk.

    Attributes:
        images: name without extension → image.
        labels: name without extension → ``.mat`` file.
        info: name without extension → its row of ``info.csv``; empty where the file is missing.
    """

    images: dict[str, Path]
    labels: dict[str, Path]
    info: dict[str, dict[str, str]]


def find_lizard(root: str | Path) -> LizardLayout:
    """Find images, labels and ``info.csv``, nested as the archive unpacks or flat.

    Raises:
        InputError: there is no such folder, or no image in it, or ``info.csv`` cannot be read.
    """
    base = open_archive(root, "Lizard")
    folders = [folder for part in "12" for folder in find_folders(base, f"Lizard_Images{part}")]
    images = {path.stem: path for folder in folders for path in files_in(folder, (".png",))}
    if not images:
        raise unlike_archive(root, "Lizard", "neither lizard_images1/Lizard_Images1/*.png nor lizard_images2")
    parents = list(find_folders(base, "Lizard_Labels"))
    held = [*find_folders(base, "Labels"), *parents]
    labels = {path.stem: path for folder in reversed(held) for path in files_in(folder, (".mat",))}
    tables = [
        p for folder in (base, *parents, folders[0].parent, folders[0].parent.parent) for p in folder.glob("info.csv")
    ]
    return LizardLayout(images, labels, _read_info(tables[0]) if tables else {})


def _read_info(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [{str(k).strip(): (v or "").strip() for k, v in row.items() if k} for row in csv.DictReader(file)]
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); put an intact copy in its place.") from error
    if rows and not {"Filename", "Split"} <= set(rows[0]):
        raise InputError(f"{path}: has the columns {', '.join(rows[0])} instead of Filename,Source,Split; correct it.")
    return {row["Filename"].removesuffix(".png"): row for row in rows}


def lizard_datalist(
    root: str | Path,
    subset: str,
    split: str = "official",
    fold: int = 3,
    diagnoses: Sequence[str] = LIZARD_CLASSES,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """List the images of one subset of Lizard.

    Lizard has no image-level diagnosis. Ours is the class whose nuclei cover the largest area of the image; while
    training, :class:`~monai_gradprom.transforms.DominantClassd` decides it anew for each crop. What is missing is
    counted and reported in one line on the logger ``monai_gradprom.datasets``; it is not an error.

    Args:
        root: the folder with ``lizard_images1``, ``lizard_images2`` and ``lizard_labels``.
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        split: ``"official"`` tests on one of the three folds of ``info.csv`` and, out of the other two, validates on
            10 %, drawn by ``seed``; ``"paper"`` deals all images at random by ``seed``: 58 of 238 for testing, or as
            many in proportion, and out of the rest 5 % of all for validation; at least one each.
        fold: to test on in the official split.
        diagnoses: the classes that ``diagnosis`` counts, by their names in ``LIZARD_CLASSES``.
        seed: see ``split``.

    Returns:
        Dicts with ``id`` (``"consep_1"``), ``image`` and ``label`` (both the image, RGB), ``source`` (``"unknown"``
        without ``info.csv``), ``segmentation`` (the ``.mat`` file) if there is one, and ``diagnosis`` (index in
        ``diagnoses``) if the image shows a nucleus of known class and the dominant one is among ``diagnoses``.

    Raises:
        InputError: ``root`` holds no Lizard, an argument is unknown, there are no folds, or nothing is left.
    """
    check_subset(subset, split)
    for name in diagnoses:
        check_choice("diagnoses", name, LIZARD_CLASSES)
    layout = find_lizard(root)
    gaps: Counter[str] = Counter()
    if split == "official":
        names = _official(layout, subset, fold, seed, root, gaps)
    else:
        names = draw_parts(layout.images, seed, testing=58 / 238, validation=0.05)[subset]
    items = [_item(layout, name, diagnoses, gaps) for name in names]
    return finish_list(items, f"Lizard {subset} ({split} split)", root, gaps)


def _official(
    layout: LizardLayout, subset: str, fold: int, seed: int, root: str | Path, gaps: Counter[str]
) -> list[str]:
    if not layout.info:
        raise InputError(f"dataset_dir {str(root)!r} lacks info.csv with the folds; use `--split paper` or add it.")
    folds = {name: layout.info[name]["Split"] for name in layout.images if name in layout.info}
    if str(fold) not in folds.values():
        there = ", ".join(sorted(set(folds.values()))) or "none"
        raise InputError(f"fold {fold!r} has no image in {str(root)!r}; choose one of those of info.csv: {there}.")
    gaps["folds in info.csv"] = len(layout.images) - len(folds)
    gaps["images of info.csv"] = len(layout.info.keys() - layout.images.keys())
    if subset == "testing":
        return sorted(name for name, number in folds.items() if number == str(fold))
    rest = (name for name, number in folds.items() if number != str(fold))
    return draw_parts(rest, seed, testing=0, validation=0.1)[subset]


def _item(layout: LizardLayout, name: str, diagnoses: Sequence[str], gaps: Counter[str]) -> dict[str, Any]:
    path, label = layout.images[name], layout.labels.get(name)
    source = layout.info.get(name, {}).get("Source") or "unknown"
    item: dict[str, Any] = {"id": name, "image": str(path), "label": str(path), "source": source}
    if label is None:
        gaps["labels"] += 1
        return item
    item["segmentation"] = str(label)
    try:
        stat = label.stat()
        diagnosis = _whole_image_class(label, stat.st_mtime_ns, stat.st_size)
    except Exception:  # whoever takes up the list decides, see drop_unreadable
        return item | {"unreadable": True}
    if diagnosis is None:
        gaps["diagnoses (no nucleus of known class)"] += 1
        return item
    if LIZARD_CLASSES[diagnosis] not in diagnoses:
        gaps[f"diagnoses among {', '.join(diagnoses)}"] += 1
        return item
    return item | {"diagnosis": list(diagnoses).index(LIZARD_CLASSES[diagnosis])}


@lru_cache(maxsize=4096)
def _whole_image_class(path: Path, modified: int, size: int) -> int | None:
    # three subsets of one run, and every bundle's configuration, ask for the same files
    return dominant_class(nuclei_class_map(read_nuclei(path)), len(LIZARD_CLASSES))
