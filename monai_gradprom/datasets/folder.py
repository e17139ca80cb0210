# SPDX-License-Identifier: Apache-2.0
"""Any user's own images: simply a folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.errors import InputError

__all__ = ["folder_datalist", "stem"]

SUFFIXES = (".nii", ".nii.gz", ".mhd", ".mha", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
MASK_ENDS = ("_gt", "_segmentation")  # as CAMUS and ISIC call them


def folder_datalist(folder: str | Path) -> list[dict[str, Any]]:
    """List every image under a folder, at any depth, sorted by path.

    Files whose name ends in ``_gt`` or ``_segmentation`` (CAMUS's and ISIC's masks) and hidden files are passed over. A
    NIfTI or MetaImage sequence becomes one entry per frame. A file with an unreadable header stays in the list, so
    that the loader names it.

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
    if not paths:
        raise InputError(f"{str(folder)!r} holds no image ({', '.join(SUFFIXES)}); give the folder that holds them.")
    stems = Counter(stem(p) for p in paths)
    items: list[dict[str, Any]] = []
    for path in paths:
        name = stem(path) if stems[stem(path)] == 1 else path.as_posix()
        item = {"id": name, "image": str(folder / path), "label": str(folder / path)}
        count = _frames(folder / path)
        items += [item] if count == 1 else [item | {"id": f"{name}_frame{i:04d}", "frame": i} for i in range(count)]
    return items


def _is_image(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return bool(_suffix(path)) and not hidden and not stem(path).lower().endswith(MASK_ENDS) and path.is_file()


def _frames(path: Path) -> int:
    try:
        return count_frames(path)
    except InputError:
        return 1


def stem(name: str | Path) -> str:
    """The path without its extension, with forward slashes."""
    path = Path(name)
    return path.with_name(path.name[: -len(_suffix(path))] if _suffix(path) else path.name).as_posix()


def _suffix(path: Path) -> str:
    """The extension if it is that of an image (``.nii.gz`` as a whole), else nothing."""
    return max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len, default="")
