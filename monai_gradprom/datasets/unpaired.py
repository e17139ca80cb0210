# SPDX-License-Identifier: Apache-2.0
"""Poor images on one side and good ones on the other, without pairs: CAMUS by its grades, two folders, a datalist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.datasets.camus import QUALITIES, camus_datalist
from monai_gradprom.datasets.datalist import read_datalist
from monai_gradprom.datasets.subsets import draw_parts, report_list
from monai_gradprom.datasets.unpaired_folders import folder_side
from monai_gradprom.errors import InputError

__all__ = ["DIVISIONS", "SIDES", "camus_unpaired_datalist", "high_quality_items", "unpaired_items"]

SIDES = ("low", "high")
"""The images to enhance, and those that show how good ones look."""

DIVISIONS = ("quality", "drawn")
"""What puts a frame of CAMUS on a side: its ``ImageQuality``, or its patient's lot."""

_LOW, _HIGH = ("Poor",), ("Good", "Medium")


def unpaired_items(
    subset: str,
    side: str = "low",
    *,
    dataset_dir: str | Path | None = None,
    low_quality_dir: str | Path | None = None,
    high_quality_dir: str | Path | None = None,
    datalist: str | Path | None = None,
    low_quality: str | Sequence[str] = _LOW,
    high_quality: str | Sequence[str] = _HIGH,
    sides: str = "quality",
    split: str = "official",
    seed: int = 0,
    **camus: Any,
) -> list[dict[str, Any]]:
    """One side of one subset, from whichever source is given. No patient is in two subsets.

    Args:
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        side: ``"low"`` or ``"high"``.
        dataset_dir: CAMUS; see :func:`camus_datalist`.
        low_quality_dir: any folder of poor images, together with
        high_quality_dir: a folder of good ones; see :func:`folder_side`.
        datalist: a MONAI datalist whose entries say ``"quality"``: ``"low"`` or ``"high"``, or one of the grades below
            (as those that ``monai-gradprom prepare camus`` writes); see :func:`read_datalist`.
        low_quality: grades of the low side.
        high_quality: grades of the high side.
        sides: of CAMUS: ``"quality"`` goes by ``ImageQuality`` in each view's cfg; ``"drawn"`` gives half of each
            subset's patients to either side by ``seed``, for images that are then degraded on purpose, so that the
            truth is known without being paired.
        split: as of :func:`camus_datalist`.
        seed: of what is drawn.
        camus: ``views``, ``phases``, ``frames`` of :func:`camus_datalist`.

    Returns:
        Items as their source makes them; ``label`` is the image itself.

    Raises:
        InputError: no source is given or several are, an argument is unknown, a grade is on both sides, or this side
            of the subset is empty.
    """
    check_choice("side", side, SIDES)
    grades = _grades(low_quality, high_quality)[side]
    folders = low_quality_dir is not None or high_quality_dir is not None
    given = {"dataset_dir": dataset_dir is not None, "low_quality_dir": folders, "datalist": datalist is not None}
    named = " and ".join(f"--{name}" for name, there in given.items() if there)
    if sum(given.values()) != 1:
        raise InputError(
            f"images are given by {named or 'nothing'}: give either --dataset_dir, or --low_quality_dir with "
            "--high_quality_dir, or --datalist."
        )
    if folders:
        return folder_side(low_quality_dir, high_quality_dir, subset, side, seed)
    if datalist is not None:
        return _listed(datalist, subset, side, grades)
    assert dataset_dir is not None
    return _camus(dataset_dir, subset, side, grades, sides, split=split, seed=seed, **camus)


def camus_unpaired_datalist(root: str | Path, subset: str, **options: Any) -> list[dict[str, Any]]:
    """The low-quality frames of one subset of CAMUS; ``options`` as in :func:`unpaired_items`."""
    return unpaired_items(subset, "low", dataset_dir=root, **options)


def high_quality_items(root: str | Path, subset: str, **options: Any) -> list[dict[str, Any]]:
    """The high-quality frames of one subset of CAMUS; ``options`` as in :func:`unpaired_items`."""
    return unpaired_items(subset, "high", dataset_dir=root, **options)


def _grades(low: str | Sequence[str], high: str | Sequence[str]) -> dict[str, tuple[str, ...]]:
    named = {"low": [low] if isinstance(low, str) else low, "high": [high] if isinstance(high, str) else high}
    grades = {side: tuple(str(grade).capitalize() for grade in chosen) for side, chosen in named.items()}
    both = set(grades["low"]) & set(grades["high"])
    if both or not all(grades.values()):
        found = f"{min(both)!r} is in both" if both else "one of them is empty"
        raise InputError(
            f"--low_quality {list(grades['low'])} and --high_quality {list(grades['high'])}: {found}; "
            "give each side grades of its own."
        )
    return grades


def _camus(
    root: str | Path, subset: str, side: str, grades: Sequence[str], sides: str, seed: int, **camus: Any
) -> list[dict[str, Any]]:
    check_choice("sides", sides, DIVISIONS)
    for grade in grades:
        check_choice(f"{side}_quality", grade, QUALITIES)
    items = camus_datalist(root, subset, seed=seed, **camus)
    if sides == "drawn":
        parts = draw_parts({item["patient"] for item in items}, seed, testing=0.5, validation=0)
        patients = set(parts["testing" if side == "low" else "training"])
        kept = [item for item in items if item["patient"] in patients]
        remedy = "two patients are needed"
    else:
        kept = [item for item in items if item["quality"] in grades]
        remedy = (
            f"name other grades in --{side}_quality, add the Info_*.cfg files, or divide patients at random with "
            "--sides drawn and a --degradation"
        )
    return _reported(kept, items, f"dataset_dir {str(root)!r}", f"CAMUS {subset}", side, remedy)


def _listed(path: str | Path, subset: str, side: str, grades: Sequence[str]) -> list[dict[str, Any]]:
    items = [{**item, "quality": str(item.get("quality", "unknown"))} for item in read_datalist(path, subset)]
    wanted = {side, *(grade.lower() for grade in grades)}
    kept = [item for item in items if item["quality"].lower() in wanted]
    remedy = f'give its entries a "quality" of "{side}" or one of {", ".join(grades)}'
    return _reported(kept, items, f"datalist {str(path)!r}", f'"{subset}"', side, remedy)


def _reported(
    kept: list[dict[str, Any]], items: list[dict[str, Any]], source: str, what: str, side: str, remedy: str
) -> list[dict[str, Any]]:
    found = ", ".join(f"{n} {quality}" for quality, n in sorted(Counter(item["quality"] for item in items).items()))
    if not kept:
        raise InputError(f"{source}: {what} has no {side}-quality image (it has {found}): {remedy}.")
    report_list(f"{what}, {side} quality", f"{len(kept)} of {len(items)} images ({found})", {})
    return kept
