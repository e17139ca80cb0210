# SPDX-License-Identifier: Apache-2.0
"""Any user's own images: a MONAI datalist, or simply a folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from monai_gradprom.datasets.frame_count import count_frames
from monai_gradprom.errors import InputError

__all__ = ["folder_datalist", "read_datalist"]

SUFFIXES = (".nii", ".nii.gz", ".mhd", ".mha", ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")


def read_datalist(path: str | Path, subset: str) -> list[dict[str, Any]]:
    """Read one list of a MONAI datalist (JSON).

    ``{"training": [{"image": "a.png"}, ...], "validation": [...], "testing": [...]}``. Relative paths are looked up
    from the JSON file's folder; an entry may also be a path alone.

    Args:
        path: the JSON file.
        subset: the list to read: ``"training"``, ``"validation"`` or ``"testing"``.

    Returns:
        The entries with absolute paths; ``label`` is ``image`` where it is absent; ``id`` is the path relative to the
        JSON file's folder, without extension, where it is absent.

    Raises:
        InputError: the file is missing, is no JSON, lacks the list, or an entry lacks ``image``; or two entries share
            an ``id``.
    """
    path = Path(path).expanduser().absolute()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"datalist {str(path)!r} cannot be read ({error.strerror}); correct the path.") from error
    except ValueError as error:
        raise InputError(f"datalist {str(path)!r} is no valid JSON ({error}); correct it there.") from error
    if not isinstance(content, dict) or not isinstance(content.get(subset), list) or not content[subset]:
        raise InputError(f'datalist {str(path)!r} has no list "{subset}"; add one with an entry per image.')
    for position, entry in enumerate(content[subset]):
        if not isinstance(entry, (str, dict)) or (isinstance(entry, dict) and not isinstance(entry.get("image"), str)):
            raise InputError(f'datalist {str(path)!r}: entry {position} of "{subset}" has no "image"; give its path.')
    items = [_complete({"image": e} if isinstance(e, str) else dict(e), path.parent) for e in content[subset]]
    twice = [name for name, count in Counter(item["id"] for item in items).items() if count > 1]
    if twice:
        raise InputError(f'datalist {str(path)!r}: "{subset}" has the id {twice[0]!r} twice; make ids unique.')
    return items


def _complete(item: dict[str, Any], base: Path) -> dict[str, Any]:
    # MONAI's load_decathlon_datalist would also turn an id into a path where a folder happens to have that name
    item.setdefault("label", item["image"])
    frame = f"_frame{int(item['frame']):04d}" if "frame" in item else ""
    item["id"] = str(item.get("id", _stem(item["image"]) + frame))
    for key in ("image", "label", "segmentation"):
        if key in item:
            item[key] = os.path.normpath(base / item[key])
    return item


def _stem(name: str | Path) -> str:
    """The path without its extension, with forward slashes."""
    path = Path(name)
    return path.with_name(path.name[: -len(_suffix(path))] if _suffix(path) else path.name).as_posix()


def _suffix(path: Path) -> str:
    """The extension if it is that of an image (``.nii.gz`` as a whole), else nothing."""
    return max((s for s in SUFFIXES if path.name.lower().endswith(s)), key=len, default="")


def folder_datalist(folder: str | Path) -> list[dict[str, Any]]:
    """List every image under a folder, at any depth, sorted by path.

    Files whose name ends in ``_gt`` (CAMUS's masks) and hidden files are passed over. A NIfTI or MetaImage sequence
    becomes one entry per frame. A file with an unreadable header stays in the list, so that the loader names it.

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
    stems = Counter(_stem(p) for p in paths)
    items: list[dict[str, Any]] = []
    for path in paths:
        name = _stem(path) if stems[_stem(path)] == 1 else path.as_posix()
        item = {"id": name, "image": str(folder / path), "label": str(folder / path)}
        count = _frames(folder / path)
        items += [item] if count == 1 else [item | {"id": f"{name}_frame{i:04d}", "frame": i} for i in range(count)]
    return items


def _is_image(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return bool(_suffix(path)) and not hidden and not _stem(path).endswith("_gt") and path.is_file()


def _frames(path: Path) -> int:
    try:
        return count_frames(path)
    except InputError:
        return 1
