# SPDX-License-Identifier: Apache-2.0
"""What a download holds beside what the full archive holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from monai_gradprom.datasets.camus import camus_datalist
from monai_gradprom.datasets.camus_files import find_layout
from monai_gradprom.datasets.covidct import COVIDCT_CLASSES, covidct_datalist, find_covidct
from monai_gradprom.datasets.isic2018 import ISIC2018_DIAGNOSES, find_isic2018, isic2018_datalist
from monai_gradprom.datasets.lizard import LIZARD_CLASSES, find_lizard, lizard_datalist
from monai_gradprom.datasets.own_images import own_datalist, patients_in

__all__ = ["ARCHIVES", "Archive", "Found"]


class Found(NamedTuple):
    """One row: what, how many there are, and how many the full archive holds."""

    what: str
    found: int
    full: int


@dataclass(frozen=True)
class Archive:
    """How to read and to count one data set.

    Attributes:
        title: its name in prose.
        datalist: ``(root, subset, split=..., seed=..., **options)`` → items.
        count: ``(root, **options)`` → rows, without looking at the split.
        classes: names of the classes that ``diagnosis`` counts; none without a diagnosis.
        options: what else ``datalist`` takes.
        masks: whether images come with masks.
        channels: 1 where images are grey, 3 where they are RGB, None where they may be either.
    """

    title: str
    datalist: Callable[..., list[dict[str, Any]]]
    count: Callable[..., list[Found]]
    classes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    masks: bool = True
    channels: int | None = 1


def _camus(root: str | Path, **_: Any) -> list[Found]:
    layout = find_layout(root)
    frames = [f"{view}_{phase}" for view in ("2CH", "4CH") for phase in ("ED", "ES")]
    stems = [folder / f"{folder.name}_{frame}" for folder in layout.patients.values() for frame in frames]
    images, masks = (
        sum(stem.with_name(f"{stem.name}{end}{layout.suffix}").is_file() for stem in stems) for end in ("", "_gt")
    )
    return [Found("patients", len(layout.patients), 500), Found("frames", images, 2000), Found("masks", masks, 2000)]


def _isic2018(root: str | Path, diagnosis_csv: str | Path | None = None, **_: Any) -> list[Found]:
    layout = find_isic2018(root, diagnosis_csv)
    rows = [Found("training images", len(layout.images["training"]), 2594)]
    for subset, full in (("validation", 100), ("testing", 1000)):
        if subset in layout.images:
            rows.append(Found(f"{subset} images", len(layout.images[subset]), full))
    images = {name.lower() for part in layout.images.values() for name in part}
    known = {name for name, diagnosis in layout.table.diagnoses.items() if diagnosis} if layout.table else set()
    full = sum(row.full for row in rows)
    return [
        *rows,
        Found("masks", len(images & layout.masks.keys()), full),
        Found("diagnoses", len(images & known), full),
    ]


def _covidct(root: str | Path, **_: Any) -> list[Found]:
    layout = find_covidct(root)
    full = {"COVID": 349, "NonCOVID": 397}
    rows = [Found(f"CT_{name} images", len(layout.images[name]), full[name]) for name in COVIDCT_CLASSES]
    return [*rows, Found("names in Data-split", sum(map(len, layout.lists.values())), sum(full.values()))]


def _lizard(root: str | Path, **_: Any) -> list[Found]:
    layout = find_lizard(root)
    labels = len(layout.labels.keys() & layout.images.keys())
    folds = len(layout.info.keys() & layout.images.keys())
    return [
        Found("images", len(layout.images), 238),
        Found("labels (.mat)", labels, 238),
        Found("folds in info.csv", folds, 238),
    ]


def _own(root: str | Path, **_: Any) -> list[Found]:
    patients = patients_in(str(Path(root).expanduser().absolute()))
    images = sum(map(len, patients.values()))
    return [Found("patients", len(patients), len(patients)), Found("images and frames", images, images)]


ARCHIVES = {
    "camus": Archive("CAMUS", camus_datalist, _camus),
    "isic2018": Archive(
        "ISIC 2018 task 1", isic2018_datalist, _isic2018, ISIC2018_DIAGNOSES, ("diagnosis_csv",), channels=3
    ),
    "covidct": Archive("COVID-CT", covidct_datalist, _covidct, COVIDCT_CLASSES, masks=False),
    "lizard": Archive("Lizard", lizard_datalist, _lizard, LIZARD_CLASSES, ("fold",), channels=3),
    "folder": Archive("own images", own_datalist, _own, masks=False, channels=None),
}
