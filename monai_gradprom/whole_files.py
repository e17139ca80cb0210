# SPDX-License-Identifier: Apache-2.0
"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["remove_unfinished", "whole_file"]

_UNFINISHED = ".unfinished"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file under a temporary name beside ``path``, forced to disk and renamed when all is written.

    Whoever reads ``path`` sees the old file or the new one, also after a loss of power; if writing it fails, the old
    one stays and nothing is left behind. Only a process that is killed leaves its temporary file, see
    :func:`remove_unfinished`.

    Args:
        path: the file; its folder is made if need be.

    Raises:
        OSError: it cannot be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp gives the owner alone access; a result is as readable as any other
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path, names: str = "*") -> None:
    """Remove what killed processes have left of files; for a folder in which nobody else writes such files now.

    Args:
        folder: of the files; it may be missing.
        names: of the files, as a pattern of :mod:`fnmatch`.
    """
    for path in folder.glob(f".{names}.*{_UNFINISHED}"):
        path.unlink(missing_ok=True)
