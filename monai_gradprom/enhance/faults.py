# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong with one file, in words that name no patient."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from monai_gradprom.enhance.record.paths import without_path
from monai_gradprom.enhance.record.row import Status
from monai_gradprom.errors import InputError
from monai_gradprom.formats import NotAnImage

__all__ = ["reason_for"]

_OS_ERRORS = {
    errno.ENOSPC: "no space is left where the results go; make room and run the same command again",
    errno.EDQUOT: "the disk quota is used up where the results go; make room and run the same command again",
    errno.EFBIG: "the result is larger than files may be there",
    errno.EROFS: "the results' folder is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENAMETOOLONG: "its name is too long for the results' file system",
    errno.EIO: "the disk reports an input/output error",
    errno.EISDIR: "a folder is in its place",
    errno.ENOTDIR: "a file is in the place of a folder",
    errno.EEXIST: "a file is in the place of a folder",
}
# what may be wrong with the source as well as with the place of its result
_PLACES = (errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR)


def reason_for(error: BaseException, source: Path, relative: str, hash_paths: bool = False) -> tuple[Status, str]:
    """Status and reason for the row of a file that could not be finished.

    An :class:`InputError` is one of our own sentences; only the path in front of it goes, since the row has it. Texts
    of other exceptions may quote a header, so that only their types are told.

    Args:
        error: what was raised.
        source: the file.
        relative: its path in the input folder.
        hash_paths: names must not be told.
    """
    if isinstance(error, InputError):
        reason = without_path(str(error), source, relative, hash_paths)
        return ("skipped" if isinstance(error, NotAnImage) else "failed"), reason
    if isinstance(error, MemoryError):
        return "failed", (
            "not enough memory for it within --memory; raise that if the machine has more, else lower --workers or"
            " --batch-size"
        )
    if isinstance(error, OSError):
        return "failed", _of_system(error, source)
    return "failed", f"unexpected {type(error).__name__}; please report this as a bug"


def _of_system(error: OSError, source: Path) -> str:
    if error.errno == errno.ENOENT:
        there = os.path.lexists(source)
        return f"{'a folder of the results' if there else 'it'} vanished while the folder was being worked on"
    reason = _OS_ERRORS.get(error.errno or 0, f"the operating system reports {_name_of(error)}")
    about = error.filename2 or error.filename
    if about is None or error.errno not in _PLACES:
        return reason
    return (
        f"it cannot be read: {reason}" if os.fspath(about) == str(source) else f"its result cannot be written: {reason}"
    )


def _name_of(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
