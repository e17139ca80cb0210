# SPDX-License-Identifier: Apache-2.0
"""Walking through a folder of any size, depth and state."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Found", "discover"]

# Each open listing holds a file descriptor; deeper folders are listed into memory instead.
_OPEN_LISTINGS = 64


@dataclass(frozen=True)
class Found:
    """A file in the input folder, or something there that cannot be looked into.

    ``path`` is relative to the input folder, with forward slashes; bytes that are no text in the file system's encoding
    are kept as surrogates (`os.fsdecode`). ``status`` None: to be looked at.
    """

    path: str
    status: Literal["skipped", "failed"] | None = None
    reason: str | None = None


def discover(root: Path) -> Iterator[Found]:
    """Yield every file below ``root``, hidden ones too, as the file system lists them, while they are being listed.

    Links to folders are never followed; links to files only if what they lead to lies inside ``root``. What cannot be
    looked into comes with a status and a reason instead of raising.
    """
    real_root = os.path.realpath(root)
    stack = [("", _listing(root, "", 0))]
    while stack:
        prefix, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, Found):
            yield entry
        else:
            path = prefix + entry.name
            found = _judge(entry, path, real_root)
            if found is None:
                stack.append((path + "/", _listing(Path(entry.path), path, len(stack))))
            else:
                yield found


def _listing(folder: Path, path: str, depth: int) -> Iterator[os.DirEntry[str] | Found]:
    try:
        with os.scandir(folder) as entries:
            if depth < _OPEN_LISTINGS:
                yield from entries
                return
            listed = list(entries)
        yield from listed
    except OSError as error:
        yield Found(path or ".", "failed", f"the folder cannot be read ({error.strerror})")


def _judge(entry: os.DirEntry[str], path: str, root: str) -> Found | None:
    """What to do about ``entry``; None: it is a folder to walk through."""
    try:
        if entry.is_symlink():
            return _judge_link(entry, path, root)
        if getattr(entry, "is_junction", bool)():  # Windows, Python 3.12
            return Found(path, "skipped", "a link to a folder is not followed")
        if entry.is_dir(follow_symlinks=False):
            return None
        if entry.is_file(follow_symlinks=False):
            return Found(path)
    except OSError as error:
        return Found(path, "failed", f"it cannot be looked at ({error.strerror})")
    return _special(path)


def _judge_link(entry: os.DirEntry[str], path: str, root: str) -> Found:
    try:
        target = os.path.realpath(entry.path, strict=True)
        mode = os.stat(target).st_mode
    except OSError as error:
        loop = error.errno == errno.ELOOP
        return Found(path, "failed", "a link that leads to itself" if loop else "a link to what cannot be reached")
    if stat.S_ISDIR(mode):
        return Found(path, "skipped", "a link to a folder is not followed")
    if not Path(target).is_relative_to(root):
        return Found(path, "skipped", "a link that leaves the input folder is not followed")
    return Found(path) if stat.S_ISREG(mode) else _special(path)


def _special(path: str) -> Found:
    return Found(path, "skipped", "not a regular file (a pipe, a socket or a device)")
