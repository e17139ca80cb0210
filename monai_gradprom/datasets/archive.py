# SPDX-License-Identifier: Apache-2.0
"""Finding one's way in an unpacked archive, whatever the unpacking tool nested."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from monai_gradprom.errors import InputError

__all__ = ["files_in", "find_files_folder", "find_folders", "open_archive", "unlike_archive"]


def open_archive(root: str | Path, name: str) -> Path:
    """The folder of an unpacked archive.

    Args:
        root: what the user gave; ``~`` is expanded.
        name: of the data set, for the message.

    Raises:
        InputError: it is not a folder.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise InputError(f"dataset_dir {str(root)!r} is not a folder; give the folder of the unpacked {name} archive.")
    return folder


def unlike_archive(root: str | Path, name: str, expected: str) -> InputError:
    """The error for a folder that is something else, to be raised.

    Args:
        root: the folder.
        name: of the data set.
        expected: what it should hold, such as ``"neither database_nifti/patient*/ nor training/patient*/"``.
    """
    found = ", ".join(sorted(p.name for p in Path(root).expanduser().iterdir())[:5]) or "nothing"
    return InputError(
        f"dataset_dir {str(root)!r} holds {found}, but {expected}; give the folder of the unpacked {name} archive."
    )


def find_folders(root: Path, name: str, depth: int = 4) -> Iterator[Path]:
    """Folders of a name at or under ``root``, whatever their case, the nearest first and then by path.

    Args:
        root: where to begin; it is a candidate itself.
        name: what the folders are called.
        depth: how many levels under ``root`` to look.
    """
    level = [root]
    for _ in range(depth + 1):
        yield from (folder for folder in level if folder.name.lower() == name.lower())
        level = sorted(child for folder in level for child in _subfolders(folder))


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [folder / e.name for e in entries if e.is_dir() and not e.name.startswith((".", "__MACOSX"))]
    except OSError:  # a folder that may not be read is none of the data set's
        return []


def files_in(folder: Path | None, suffixes: Iterable[str]) -> list[Path]:
    """Files directly in a folder that end in one of ``suffixes`` (lower case), sorted; hidden ones are passed over."""
    if folder is None:
        return []
    ends = tuple(suffixes)
    found = (p for p in folder.iterdir() if p.name.lower().endswith(ends) and not p.name.startswith("."))
    return sorted(p for p in found if p.is_file())


def find_files_folder(root: Path, name: str, suffixes: Iterable[str]) -> Path | None:
    """The nearest folder of that name which holds files of such a kind: unpacking often nests a folder in itself."""
    ends = tuple(suffixes)
    return next((folder for folder in find_folders(root, name) if files_in(folder, ends)), None)
