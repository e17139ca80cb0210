# SPDX-License-Identifier: Apache-2.0
"""COVID-CT, slices of chest CT (Yang et al., arXiv:2003.13865): official files to MONAI's list of dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.archive import files_in, find_files_folder, find_folders, open_archive, unlike_archive
from monai_gradprom.datasets.subsets import check_subset, draw_parts, finish_list
from monai_gradprom.errors import InputError

__all__ = ["COVIDCT_CLASSES", "CovidCtLayout", "covidct_datalist", "find_covidct"]

COVIDCT_CLASSES = ("NonCOVID", "COVID")
_SUFFIXES = (".png", ".jpg", ".jpeg")
_LISTS = {"training": "train", "validation": "val", "testing": "test"}


@dataclass(frozen=True)
class CovidCtLayout:
    """What lies on disk.

    Attributes:
        images: class → its images, sorted; empty where the folder is missing.
        lists: (subset, class) → the official list of file names; a missing list is no key.
    """

    images: dict[str, list[Path]]
    lists: dict[tuple[str, str], list[str]]


def find_covidct(root: str | Path) -> CovidCtLayout:
    """Find images and lists at ``root``, which may be the archive or a folder above it.

    Raises:
        InputError: there is no such folder, or no image in it; perhaps the images still are in their zip files.
    """
    base = open_archive(root, "COVID-CT")
    images = {c: files_in(find_files_folder(base, f"CT_{c}", _SUFFIXES), _SUFFIXES) for c in COVIDCT_CLASSES}
    if not any(images.values()):
        packed = [p for folder in find_folders(base, "Images-processed") for p in files_in(folder, (".zip",))]
        if packed:
            raise InputError(f"dataset_dir {str(root)!r}: {packed[0]} is still packed; unzip it, and the other, there.")
        raise unlike_archive(root, "COVID-CT", "neither Images-processed/CT_COVID nor Images-processed/CT_NonCOVID")
    found = {
        path.name.lower(): path
        for folder in find_folders(base, "Data-split")
        for path in sorted(folder.rglob("*.txt"), reverse=True)
    }
    names = {(s, c): f"{part}CT_{c}.txt".lower() for s, part in _LISTS.items() for c in COVIDCT_CLASSES}
    return CovidCtLayout(images, {key: _lines(found[name]) for key, name in names.items() if name in found})


def _lines(path: Path) -> list[str]:
    return [
        line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines() if line.strip()
    ]


def covidct_datalist(
    root: str | Path,
    subset: str,
    split: str = "official",
    diagnoses: Sequence[str] = COVIDCT_CLASSES,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """List the slices of one subset of COVID-CT.

    File names are matched with the official lists exactly, else without regard to case and extension. What is listed
    but missing is counted and reported in one line on the logger ``monai_gradprom.datasets``; it is not an error.

    Args:
        root: the folder with ``Images-processed`` and ``Data-split``, or the one above it.
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        split: ``"official"`` reads ``Data-split/*/{train,val,test}CT_*.txt``; ``"paper"`` deals the images at random by
            ``seed``: 146 of 746 for testing, or as many in proportion, and out of the rest 5 % of all for validation;
            at least one each. Slices of one patient may then be on both sides.
        diagnoses: the classes that ``diagnosis`` counts, in their order: both of ``COVIDCT_CLASSES``.
        seed: of the paper's split.

    Returns:
        Dicts with ``id`` (``"CT_COVID/kjr-21-e24-p1-14"``; with the extension where two files differ in nothing else),
        ``image`` and ``label`` (both the slice), and ``diagnosis`` (index in ``diagnoses``).

    Raises:
        InputError: ``root`` holds no COVID-CT, an argument is unknown, lists are missing, or nothing is left.
    """
    check_subset(subset, split)
    if sorted(diagnoses) != sorted(COVIDCT_CLASSES):
        raise InputError(f"diagnoses are {list(diagnoses)}; COVID-CT knows {' and '.join(COVIDCT_CLASSES)} only.")
    layout = find_covidct(root)
    gaps: Counter[str] = Counter()
    items = [item for c in COVIDCT_CLASSES for item in _items(layout.images[c], c, list(diagnoses).index(c))]
    if split == "paper":
        part = set(draw_parts((item["id"] for item in items), seed, testing=146 / 746, validation=0.05)[subset])
        items = [item for item in items if item["id"] in part]
    else:
        listed = {path for c in COVIDCT_CLASSES for path in _listed(layout, subset, c, root, gaps)}
        items = [item for item in items if item["image"] in listed]
    return finish_list(items, f"COVID-CT {subset} ({split} split)", root, gaps)


def _items(paths: list[Path], name: str, index: int) -> list[dict[str, Any]]:
    stems = Counter(path.stem for path in paths)
    ids = [f"CT_{name}/{path.stem if stems[path.stem] == 1 else path.name}" for path in paths]
    return [{"id": i, "image": str(p), "label": str(p), "diagnosis": index} for i, p in zip(ids, paths, strict=True)]


def _listed(layout: CovidCtLayout, subset: str, name: str, root: str | Path, gaps: Counter[str]) -> set[str]:
    if (subset, name) not in layout.lists:
        raise InputError(
            f"dataset_dir {str(root)!r} lacks Data-split/{name}/{_LISTS[subset]}CT_{name}.txt; "
            "use `--split paper` or add the list."
        )
    files = layout.images[name]
    by_name = {path.stem.lower(): path for path in files} | {path.name: path for path in files}
    found = [by_name.get(line) or by_name.get(Path(line).stem.lower()) for line in layout.lists[subset, name]]
    gaps["listed files"] += found.count(None)
    return {str(path) for path in found if path is not None}
