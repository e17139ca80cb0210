# SPDX-License-Identifier: Apache-2.0
"""``run.json``: whose folder OUTPUT is, and what its results depend on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monai_gradprom import __version__
from monai_gradprom.errors import InputError

from .earlier_results import remove_results
from .lock import FolderLock
from .paths import RUN_RECORD, WORK
from .run_key import as_json, differences, fingerprint

__all__ = ["RunRecord", "check_claim"]

_PROGRAM = "monai-gradprom enhance"


class RunRecord:
    """OUTPUT, claimed by this process until :meth:`release`.

    Args:
        output: the folder.
        started: when the run began, whatever interruptions it had since.
        run_key: SHA-256, in hexadecimal digits, of everything that decides the results.
    """

    def __init__(self, output: Path, started: datetime, run_key: str, lock: FolderLock) -> None:
        self.output = output
        self.started = started
        self.run_key = run_key
        self.work = output / WORK
        """For temporary files, on the file system of the results; empty at the start."""
        self._lock = lock

    @classmethod
    def claim(
        cls, output: Path, key: Mapping[str, Any], resume: bool = True, about: Mapping[str, Any] | None = None
    ) -> RunRecord:
        """Take ``output`` for a run, a new one or one to go on with.

        Args:
            output: a folder of an earlier run, an empty folder, or one to be made.
            key: what decides the results, in values that JSON has; it must hold nothing of a patient's.
            resume: False: begin anew, whatever ``key`` the earlier run had; its results are removed first.
            about: what else a new record shall say; it decides nothing.

        Raises:
            InputError: ``output`` holds something else, or results of another key; another process is at work there;
                it cannot be written to.
        """
        check_claim(output, key, resume)
        try:
            output.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(output / WORK)
            try:
                record = check_claim(output, key, resume)  # nobody else can change it from here on
                lock.clear()
                if record is None or not resume:
                    remove_results(output)
                    record = _write(output, key, about or {})
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise InputError(
                f"OUTPUT {output} cannot be written to ({error.strerror}); check its permissions and its disk."
            ) from None
        return cls(output, datetime.fromisoformat(record["started"]), record["run_key"], lock)

    def __enter__(self) -> RunRecord:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def ignores_case(self) -> bool:
        """True if the file system of OUTPUT cannot tell ``a.png`` from ``A.png``."""
        return self._lock.path.with_name(self._lock.path.name.upper()).exists()

    def release(self) -> None:
        """Remove the temporary files and let others in. To release twice is harmless."""
        self._lock.release()


def check_claim(output: Path, key: Mapping[str, Any], resume: bool = True) -> dict[str, Any] | None:
    """What :meth:`RunRecord.claim` would find in ``output``; nothing is written.

    Returns:
        The record of the earlier run; None if there was none.

    Raises:
        InputError: as :meth:`RunRecord.claim`.
    """
    try:
        record = _read(output)
        if record is None and _is_foreign(output):
            raise InputError(
                f"OUTPUT {output} holds files that this command did not write; name a new or an empty folder."
            )
    except OSError as error:
        raise InputError(f"OUTPUT {output} cannot be read ({error.strerror}); choose another.") from None
    if record is not None and resume and record["run_key"] != fingerprint(key):
        raise InputError(
            f"OUTPUT {output} holds results of other settings ({differences(record['key'], as_json(key))}); repeat"
            " those, choose another OUTPUT, or remove the results by --no-resume."
        )
    return record


def _is_foreign(output: Path) -> bool:
    """True if the folder has content, except for what a claim leaves that was killed before it wrote run.json."""
    if not output.exists():
        return False
    if any(path.name != WORK for path in output.iterdir()):
        return True
    work = output / WORK
    return work.exists() and not FolderLock.is_ours(work, RUN_RECORD)


def _read(output: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((output / RUN_RECORD).read_bytes())
        if record["program"] == _PROGRAM and isinstance(record["key"], dict) and isinstance(record["run_key"], str):
            datetime.fromisoformat(record["started"])
            return dict(record)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, TypeError, LookupError):
        pass
    return None


def _write(output: Path, key: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    started = datetime.now(timezone.utc).replace(microsecond=0).isoformat()
    record = {
        "program": _PROGRAM,
        "version": __version__,
        "started": started,
        "run_key": fingerprint(key),
        "key": as_json(key),
        **as_json(about),
    }
    new = output / WORK / RUN_RECORD
    with new.open("w", encoding="ascii") as stream:
        json.dump(record, stream, indent=2)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, output / RUN_RECORD)
    return record
