# SPDX-License-Identifier: Apache-2.0
"""Any user's own images: simply a folder."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.frame_count import PICTURES, count_frames
from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage
from monai_gradprom.transforms.dicom_images import is_dicom

__all__ = ["folder_datalist", "stem"]

SUFFIXES = (".nii", ".nii.gz", ".mhd", ".mha", *PICTURES)
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")  # which files may have; what counts is their content
MASK_ENDS = ("_gt", "_segmentation")  # as CAMUS and ISIC call them
_LOGGER = logging.getLogger("monai_gradprom.datasets")


def folder_datalist(folder: str | Path) -> list[dict[str, Any]]:
    """List every image under a folder, at any depth, sorted by path.

    Images are files with an image's extension, and DICOM files whatever their name. Files whose name ends in ``_gt`` or
    ``_segmentation`` (CAMUS's and ISIC's masks), hidden files and DICOM objects that are no images (reports, plans,
    segmentations, ...) are passed over; the last with a line on the logger ``monai_gradprom.datasets``. A NIfTI,
    MetaImage or DICOM sequence becomes one entry per frame. A file with an unreadable header stays in the list, so that
    the loader names it.

    Args:
        folder: where to look.

    Returns:
        Dicts with ``id`` (path relative to ``folder`` without extension; with it where two files differ in nothing
        else), ``image``, ``label`` (the same file) and, for sequences, ``frame`` (zero-based).

    Raises:
        InputError: the folder is missing or holds no image.
    """
    folder = Path(folder).expanduser().absolute()
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is not a folder; give the folder that holds the images.")
    paths = [p.relative_to(folder) for p in sorted(folder.rglob("*")) if _is_image(p, folder)]
    counts = {path: _frames(folder / path) for path in paths}
    others = sum(count == 0 for count in counts.values())
    if others:
        _LOGGER.warning("%s: passed over %d DICOM files that hold no image.", folder, others)
    if len(counts) == others:
        raise InputError(
            f"{str(folder)!r} holds no image ({', '.join(SUFFIXES)} or DICOM); give the folder that holds them."
        )
    stems = Counter(stem(path) for path in paths if counts[path])
    items: list[dict[str, Any]] = []
    for path, count in counts.items():
        name = stem(path) if stems[stem(path)] == 1 else path.as_posix()
        item = {"id": name, "image": str(folder / path), "label": str(folder / path)}
        items += [item] if count == 1 else [item | {"id": f"{name}_frame{i:04d}", "frame": i} for i in range(count)]
    return items


def _is_image(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    if hidden or stem(path).lower().endswith(MASK_ENDS) or not path.is_file():
        return False
    return path.name.lower().endswith(SUFFIXES) or is_dicom(path)


def _frames(path: Path) -> int:
    """0 for a DICOM object that is no image."""
    try:
        return count_frames(path)
    except NotAnImage:
        return 0
    except InputError:
        return 1


def stem(name: str | Path) -> str:
    """The path without its extension, with forward slashes."""
    path = Path(name)
    return path.with_name(path.name[: -len(_suffix(path))] if _suffix(path) else path.name).as_posix()


def _suffix(path: Path) -> str:
    """The extension if it is that of an image (``.nii.gz`` as a whole), else nothing."""
    return max((s for s in (*SUFFIXES, *DICOM_SUFFIXES) if path.name.lower().endswith(s)), key=len, default="")
