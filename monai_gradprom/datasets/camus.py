# SPDX-License-Identifier: Apache-2.0
"""CAMUS echocardiography (Leclerc et al., IEEE TMI 2019): official files to MONAI's list of dicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monai_gradprom.choices import check_choice
from monai_gradprom.datasets.camus_files import CamusLayout, find_layout, read_cfg, read_split
from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.datasets.subsets import check_subset, draw_parts, report_list
from monai_gradprom.errors import InputError

__all__ = ["QUALITIES", "camus_datalist"]

QUALITIES = ("Good", "Medium", "Poor")
"""CAMUS's grades of a view, ``ImageQuality`` of its ``Info_*.cfg``."""


def camus_datalist(
    root: str | Path,
    subset: str,
    split: str = "official",
    views: str | Sequence[str] = ("2CH", "4CH"),
    phases: str | Sequence[str] = ("ED", "ES"),
    frames: str = "ed_es",
    quality: str | Sequence[str] | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """List the frames of one subset of CAMUS.

    Both official releases are read: NIfTI (``database_nifti/patient0001/patient0001_2CH_ED.nii.gz``) and the older
    ``.mhd`` (``training/patient0001/patient0001_2CH_ED.mhd``). What is missing (patients, frames, masks, cfg files) is
    counted and reported in one line on the logger ``monai_gradprom.datasets``; it is not an error.

    Args:
        root: the unpacked archive, or its database folder.
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        split: ``"official"`` reads ``database_split/subgroup_*.txt``; ``"paper"`` draws patients at random by ``seed``:
            10 % for testing (50 of 500, as in the paper) and, taken out of the other 90 %, 5 % of all for validation;
            at least one patient each.
        views: of ``"2CH"``, ``"4CH"``.
        phases: of ``"ED"``, ``"ES"``; for ``frames="ed_es"`` only.
        frames: ``"ed_es"`` for the two annotated instants, ``"half_sequence"`` for every frame between them.
        quality: keep only ``ImageQuality`` of these (``"Good"``, ``"Medium"``, ``"Poor"``); a view without a readable
            cfg is then left out and counted.
        seed: of the paper's split.

    Returns:
        Dicts with ``id`` (``"patient0001/patient0001_2CH_ED"``, unique), ``image`` and ``label`` (both the clean
        frame), ``segmentation`` if there is a mask, ``frame`` (zero-based, in sequences only), ``patient``, ``view``,
        ``phase`` (``"ED"``, ``"ES"`` or ``"between"``) and ``quality`` (one of the three, else ``"unknown"``).

    Raises:
        InputError: ``root`` holds no CAMUS, an argument is unknown, split files are missing, or nothing is left.
    """
    check_subset(subset, split)
    check_choice("frames", frames, ("ed_es", "half_sequence"))
    views = _choices("views", views, ("2CH", "4CH"))
    phases = _choices("phases", phases, ("ED", "ES"))
    wanted = None if quality is None else _choices("quality", quality, QUALITIES)
    layout = find_layout(root)
    missing: Counter[str] = Counter()
    items: list[dict[str, Any]] = []
    for patient in _patients(layout, subset, split, seed, missing):
        for view in views:
            cfg = _cfg(layout, patient, view, missing)
            if wanted is not None and cfg.get("ImageQuality", "").capitalize() not in wanted:
                missing["views without a known ImageQuality"] += "ImageQuality" not in cfg
                continue
            found = _sequence if frames == "half_sequence" else _instants
            items += found(layout, patient, view, phases, cfg, missing)
    frames_of = f"{len(items)} frames of {len({item['patient'] for item in items})} patients"
    report_list(f"CAMUS {subset} ({split} split)", frames_of, missing)
    if not items:
        raise InputError(
            f"dataset_dir {str(root)!r} has no {subset} frame for views={list(views)}, phases={list(phases)}, "
            f"frames={frames!r}, quality={quality!r}, split={split!r}; loosen these or complete the archive."
        )
    return items


def _choices(argument: str, value: str | Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    return tuple(check_choice(argument, name, allowed) for name in names)


def _patients(layout: CamusLayout, subset: str, split: str, seed: int, missing: Counter[str]) -> list[str]:
    if split == "official":
        names = read_split(layout, subset)
        missing["patients"] += sum(name not in layout.patients for name in names)
        return [name for name in names if name in layout.patients]
    return draw_parts(layout.patients, seed, testing=0.1, validation=0.05)[subset]


def _cfg(layout: CamusLayout, patient: str, view: str, missing: Counter[str]) -> dict[str, str]:
    cfg = read_cfg(layout.patients[patient] / f"Info_{view}.cfg")
    missing["Info_*.cfg"] += cfg is None
    return cfg or {}


def _instants(
    layout: CamusLayout, patient: str, view: str, phases: Sequence[str], cfg: dict[str, str], missing: Counter[str]
) -> Iterator[dict[str, Any]]:
    for phase in phases:
        item = _item(layout, patient, view, phase, cfg, missing)
        if item is not None:
            yield item | {"phase": phase}


def _sequence(
    layout: CamusLayout, patient: str, view: str, phases: Sequence[str], cfg: dict[str, str], missing: Counter[str]
) -> Iterator[dict[str, Any]]:
    item = _item(layout, patient, view, layout.sequence, cfg, missing)
    if item is None:
        return
    instants = {_number(cfg.get(phase, "")): phase for phase in ("ED", "ES")}  # the cfg counts from 1
    for frame in range(count_frames(Path(item["image"]))):
        yield item | {
            "id": f"{item['id']}_frame{frame:04d}",
            "frame": frame,
            "phase": instants.get(frame + 1, "between"),
        }


def _item(
    layout: CamusLayout, patient: str, view: str, kind: str, cfg: dict[str, str], missing: Counter[str]
) -> dict[str, Any] | None:
    folder = layout.patients[patient]
    stem = f"{folder.name}_{view}_{kind}"
    image, mask = folder / f"{stem}{layout.suffix}", folder / f"{stem}_gt{layout.suffix}"
    if not image.is_file():
        missing["frames" if kind in ("ED", "ES") else "sequences"] += 1
        return None
    item = {"id": f"{patient}/{stem}", "image": str(image), "label": str(image), "patient": patient, "view": view}
    quality = cfg.get("ImageQuality", "").capitalize()
    item["quality"] = quality if quality in QUALITIES else "unknown"  # a list shows no text of a broken cfg
    if mask.is_file():
        item["segmentation"] = str(mask)
    else:
        missing["masks"] += 1
    return item


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
