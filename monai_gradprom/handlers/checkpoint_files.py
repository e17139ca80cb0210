# SPDX-License-Identifier: Apache-2.0
"""The files of checkpoints: written whole, numbered, and read without running what they hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from monai_gradprom.errors import InputError
from monai_gradprom.tensor_files import DamagedFile, UnsafeFile, read_tensors
from monai_gradprom.whole_files import whole_file

__all__ = ["atomic_save", "latest_checkpoint", "numbered", "read_checkpoint"]


def atomic_save(content: Any, path: str | Path) -> None:
    """``torch.save`` under a temporary name, then rename: a reader never sees half a file."""
    with whole_file(Path(path)) as file:
        torch.save(content, file)


def latest_checkpoint(output_dir: str | Path) -> Path | None:
    """The ``checkpoint_iteration=N.pt`` with the highest N, or None."""
    found = numbered(output_dir)
    return found[-1] if found else None


def numbered(output_dir: str | Path) -> list[Path]:
    """Checkpoints in the order of their iterations."""
    found = {
        int(match[1]): path
        for path in Path(output_dir).glob("checkpoint_iteration=*.pt")
        if (match := re.fullmatch(r"checkpoint_iteration=(\d+)\.pt", path.name))
    }
    return [found[iteration] for iteration in sorted(found)]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, by name.

    Raises:
        InputError: it is truncated or otherwise damaged, or holds what could run code; says which other checkpoint of
            the folder, the latest that can be read, is there to continue from.
    """
    try:
        content = read_tensors(path)
    except UnsafeFile as error:
        raise InputError(
            f"{path} holds more than a checkpoint does, which could run code, or is no PyTorch file: {_remedy(path)}."
        ) from error
    except DamagedFile as error:
        raise InputError(f"{path} cannot be read as a checkpoint (truncated?): {_remedy(path)}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is no checkpoint of training: {_remedy(path)}.")
    return content


def _remedy(path: Path) -> str:
    """What to remove so that a checkpoint that can be read is the latest, and which one that is."""
    bad = ["it"]
    for other in reversed(numbered(path.parent)):
        if other == path:
            continue
        try:
            read_tensors(other)
        except (UnsafeFile, DamagedFile):
            bad.append(other.name)
        else:
            return f"remove {' and '.join(bad)} to continue from {other.name}"
    return f"remove {' and '.join(bad)} to start anew"
