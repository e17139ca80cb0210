# SPDX-License-Identifier: Apache-2.0
"""Removing what an earlier run wrote, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .manifest import Manifest
from .paths import MANIFEST, REPORT, SERIES

__all__ = ["remove_result", "remove_results"]

_DATA_FILE = re.compile(rb"^ElementDataFile\s*=\s*(.+?)\s*$", re.MULTILINE)
_HEADER = 1 << 16  # bytes of an .mhd file to look at


def remove_results(output: Path) -> None:
    """Remove the results that the manifest of ``output`` lists and folders that become empty, then the manifest.

    Killed meanwhile, it goes on with the rest when it is called again. A file that the manifest does not list stays.

    Raises:
        InputError: the manifest cannot be read.
        OSError: something cannot be removed.
    """
    for row in Manifest.read(output / MANIFEST, skip_damaged=True):
        if row.output is not None:
            remove_result(output, row.output)
    for name in (REPORT, SERIES, MANIFEST):
        (output / name).unlink(missing_ok=True)


def remove_result(output: Path, result: str) -> None:
    """Remove one result, with the pixels that a MetaImage header keeps in another file, and folders that become empty.

    Args:
        output: the folder of results.
        result: path in it, as a row of the manifest has it; what leads out of the folder is left alone.

    Raises:
        OSError: it cannot be removed.
    """
    root = output.resolve()
    target = (root / result).parent.resolve() / Path(result).name
    if not target.is_relative_to(root):
        return
    if target.is_file():
        for file in (*_data_of(target), target):
            file.unlink()
    for folder in target.parents:
        if folder == root or not _removed(folder):
            break


def _data_of(target: Path) -> Iterator[Path]:
    """The file of pixels that a MetaImage header names."""
    if target.suffix.lower() != ".mhd":
        return
    with target.open("rb") as stream:
        named = _DATA_FILE.search(stream.read(_HEADER))
    if named and b"/" not in named[1]:
        file = target.with_name(named[1].decode("utf-8", "surrogateescape"))
        if file.is_file():
            yield file


def _removed(folder: Path) -> bool:
    """Remove the folder if it is empty; True if it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
