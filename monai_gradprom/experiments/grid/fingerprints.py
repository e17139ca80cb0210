# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of what a run reads: data and weights."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from monai_gradprom.enhance.hashing import sha256_of

__all__ = ["WEIGHTS", "data_fingerprint", "weights_fingerprint"]

WEIGHTS = ("weights", "recognizer_weights", "backbone_weights", "diagnosis_csv")
"""The switches that name files which are read whole."""

_READ_WHOLE = {".csv", ".txt", ".json", ".cfg", ".tsv"}


@lru_cache(maxsize=16)
def data_fingerprint(folder: str | None, datalist: str | None = None) -> str:
    """SHA-256 of a data set: names and sizes of all files, and the content of its tables and lists.

    The pixels themselves are not read: an archive of ten thousand images is known at once, and is the same one after
    it was copied.

    Args:
        folder: the archive.
        datalist: instead of it, a datalist JSON; its content counts.
    """
    digest = hashlib.sha256()
    if datalist is not None:
        digest.update(sha256_of(Path(datalist)).encode())
    if folder is not None:
        for name, path in sorted(_files(Path(folder).expanduser())):
            digest.update(f"{name}\0{path.stat().st_size}\0".encode("utf-8", "surrogateescape"))
            if path.suffix.lower() in _READ_WHOLE:
                digest.update(sha256_of(path).encode())
    return digest.hexdigest()


def weights_fingerprint(switches: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """SHA-256 of each file that :data:`WEIGHTS` name, per switch and file name."""
    found = {}
    for name in WEIGHTS:
        value = switches.get(name)
        if value is None or str(value).startswith(("$", "@")):
            continue
        listed = value.values() if isinstance(value, Mapping) else [value]
        paths = [path for item in listed for path in _weights_of(Path(str(item)))]
        found[name] = {path.name: sha256_of(path) for path in paths}
    return found


def _weights_of(path: Path) -> list[Path]:
    return sorted(path.glob("recognizer_*.pt")) if path.is_dir() else [path]


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            if path.is_file():
                yield path.relative_to(root).as_posix(), path
