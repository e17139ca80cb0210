# SPDX-License-Identifier: Apache-2.0
"""Two folders of one's own, poor images in one and good ones in the other, split by patient together."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.datasets.own_images import patients_in
from monai_gradprom.datasets.subsets import SUBSETS, draw_parts, report_list
from monai_gradprom.errors import InputError

__all__ = ["folder_side"]


def folder_side(
    low_quality_dir: str | Path | None, high_quality_dir: str | Path | None, subset: str, side: str, seed: int = 0
) -> list[dict[str, Any]]:
    """The images of one of two folders that fall to one subset.

    Patients are told apart as in :func:`own_datalist`; who has images in both folders (the same Patient ID, or the same
    name of a subfolder or file) falls to the same subset with both. Of the low side's patients a tenth is for testing
    and a twentieth for validation, at least one each; so are those of the high side who have no poor image.

    Args:
        low_quality_dir: the folder of poor images.
        high_quality_dir: the folder of good ones.
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        side: ``"low"`` or ``"high"``.
        seed: of the draw.

    Returns:
        Items of :func:`folder_datalist`; nothing in them names the patient.

    Raises:
        InputError: one folder is not given, both are the same or one lies in the other, one is missing or empty, the
            low side has fewer than three patients, or this side of the subset is left without an image.
    """
    check_choice("subset", subset, SUBSETS)
    low, high = _folder("low_quality_dir", low_quality_dir), _folder("high_quality_dir", high_quality_dir)
    if low == high or low in high.parents or high in low.parents:
        how = "the same folder" if low == high else "one inside the other"
        raise InputError(
            f"--low_quality_dir {str(low)!r} and --high_quality_dir {str(high)!r} are {how}: an image cannot be on "
            "both sides; give two folders beside each other."
        )
    poor, good = patients_in(str(low)), patients_in(str(high))
    if len(poor) < 3:
        raise InputError(
            f"--low_quality_dir {str(low)!r} holds images of {len(poor)} patients; three are needed to train, validate "
            "and test. Put each patient's images into a folder of their own."
        )
    patients = {"low": poor, "high": good}[side]
    chosen = {"low": _drawn(poor, seed), "high": _drawn(poor, seed) | _drawn(good.keys() - poor.keys(), seed)}[side]
    items = [item for patient in patients if chosen[patient] == subset for item in patients[patient]]
    if not items:
        raise InputError(
            f"--{side}_quality_dir {str({'low': low, 'high': high}[side])!r} holds images of {len(patients)} patients, "
            f"which leaves none for {subset}; put more there, each patient's into a folder of their own."
        )
    report_list(f"own images {subset}, {side} quality", f"{len(items)} images", {})
    return sorted(items, key=lambda item: str(item["id"]))


def _folder(name: str, value: str | Path | None) -> Path:
    if value is None:
        raise InputError(f"--{name} is missing: two folders make the two sides; give both.")
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise InputError(f"--{name} {str(value)!r} is not a folder; give the folder that holds the images.")
    return folder.resolve()


def _drawn(patients: Collection[str], seed: int) -> dict[str, str]:
    """Patient → subset."""
    parts = draw_parts(patients, seed, testing=0.1, validation=0.05) if patients else {}
    return {patient: subset for subset, names in parts.items() for patient in names}
