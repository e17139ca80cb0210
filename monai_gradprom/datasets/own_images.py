# SPDX-License-Identifier: Apache-2.0
"""Any user's own folder of images, split by patient."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.folder import folder_datalist
from monai_gradprom.datasets.subsets import check_subset, draw_parts, finish_list
from monai_gradprom.errors import InputError
from monai_gradprom.formats.dicom.patient import patient_of
from monai_gradprom.transforms.dicom_images import is_dicom

__all__ = ["own_datalist", "patients_in"]


def own_datalist(root: str | Path, subset: str, split: str = "paper", seed: int = 0) -> list[dict[str, Any]]:
    """The images of a folder that fall to one subset; no patient falls to two.

    A tenth of the patients is for testing, a twentieth for validation, at least one each. A patient is what the Patient
    ID of a DICOM file says; of other files, the folder directly under ``root`` that they lie in (or the only patient of
    whom it holds DICOM files), or the file itself where it lies in ``root``.

    Args:
        root: the folder; see :func:`folder_datalist`.
        subset: ``"training"``, ``"validation"`` or ``"testing"``.
        split: as of the other data sets; both names mean the same here.
        seed: of the draw.

    Returns:
        Items of :func:`folder_datalist`; nothing in them names the patient.

    Raises:
        InputError: the folder is missing or empty, or has fewer than three patients.
    """
    check_subset(subset, split)
    patients = patients_in(str(Path(root).expanduser().absolute()))
    if len(patients) < 3:
        raise InputError(
            f"{str(root)!r} holds images of {len(patients)} patients; three are needed to train, validate and test. "
            "Put each patient's images into a folder of their own."
        )
    chosen = draw_parts(patients, seed, testing=0.1, validation=0.05)[subset]
    items = [item for patient in chosen for item in patients[patient]]
    return finish_list(sorted(items, key=lambda item: str(item["id"])), f"own images {subset}", root, {})


@lru_cache(maxsize=4)
def patients_in(root: str) -> dict[str, list[dict[str, Any]]]:
    """Items of :func:`folder_datalist` by patient; the keys are digests, which name nobody."""
    items = folder_datalist(root)
    folders = {item["image"]: Path(item["image"]).relative_to(root).parts[0] for item in items}
    stated = {image: patient_of(Path(image)) if is_dicom(Path(image)) else None for image in folders}
    named: dict[str, set[str]] = defaultdict(set)
    for image, patient in stated.items():
        named[folders[image]] |= {patient} if patient else set()
    patients: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        folder = folders[item["image"]]
        # pictures beside the DICOM files of one patient show that patient
        only = next(iter(named[folder])) if len(named[folder]) == 1 else None
        patient = stated[item["image"]] or only
        patients[_digest(f"patient {patient}" if patient else f"folder {folder}")].append(item)
    return dict(patients)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
