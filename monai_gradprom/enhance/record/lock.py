# SPDX-License-Identifier: Apache-2.0
"""A folder of temporary files that one process at a time may use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from monai_gradprom.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: nothing keeps a second process out
    fcntl = None  # type: ignore[assignment]

__all__ = ["FolderLock"]

_NAME = "lock"
_ATTEMPTS = 20


class FolderLock:
    """Made and held from the start; the system lets go of it when the process dies, however it dies.

    Where the file system knows no locks, nothing keeps a second process out.

    Args:
        folder: of the temporary files; it is made.

    Raises:
        InputError: another process holds it.
        OSError: it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / _NAME
        self._file = self._acquire()

    @staticmethod
    def is_ours(folder: Path, *others: str) -> bool:
        """True if ``folder`` holds nothing but a lock and files of the names ``others``."""
        if folder.is_symlink() or not folder.is_dir():
            return False
        return all(path.is_file() and path.name in (_NAME, *others) for path in folder.iterdir())

    def clear(self) -> None:
        """Remove everything in the folder but the lock."""
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != _NAME:
                path.unlink()

    def release(self) -> None:
        """Remove the folder and let others in; what cannot be removed stays. To release twice is harmless."""
        if self._file < 0:
            return
        try:
            self.clear()
            if fcntl is not None:
                self.path.unlink()  # while it is held: who waits for it notices that it is gone
        except OSError:
            pass
        os.close(self._file)
        self._file = -1
        try:
            if fcntl is None:
                self.path.unlink()
            self.folder.rmdir()
        except OSError:
            pass  # the next one is there already

    def _acquire(self) -> int:
        for _ in range(_ATTEMPTS):
            try:
                if self.folder.is_symlink():
                    raise InputError(f"{self.folder} is a link; remove it, so that temporary files lie in OUTPUT.")
                self.folder.mkdir(exist_ok=True)
                file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            except FileNotFoundError:
                if not self.folder.parent.is_dir():
                    raise
                continue  # another process has just released it
            try:
                _lock(file)
            except BlockingIOError:
                os.close(file)
                raise InputError(
                    f"another process is writing to {self.folder.parent}; wait for it or choose another OUTPUT."
                ) from None
            if os.fstat(file).st_nlink:
                return file
            os.close(file)  # another process has removed it before we got it
        raise InputError(f"{self.path} could not be locked; remove it and repeat the command.")


def _lock(file: int) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # a file system without locks
