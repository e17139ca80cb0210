# SPDX-License-Identifier: Apache-2.0
"""A bundle's process: started with a log, and gone when its starter is."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_gradprom.experiments.records import write_json

__all__ = ["BundleProcess"]

COMMAND = (sys.executable, "-m", "monai.bundle", "run", "--args_file")
"""What is run, before the name of the args file."""

_PR_SET_PDEATHSIG = 1


class BundleProcess:
    """``python -m monai.bundle run --args_file <folder>/<name>.args.json``, running.

    The file can be run again by hand. What the process prints goes to ``<folder>/<name>.log``, after what is there.

    Args:
        folder: of both files; made when missing.
        name: of the process.
        arguments: content of the args file.
        threads: of PyTorch, where the environment does not say; None: its own choice.
    """

    def __init__(self, folder: Path, name: str, arguments: Mapping[str, Any], threads: int | None = None) -> None:
        args_file = folder / f"{name}.args.json"
        write_json(args_file, arguments)
        self.log = folder / f"{name}.log"
        environment = {"PYTHONUNBUFFERED": "1", "TQDM_MININTERVAL": "30", **os.environ}
        if threads is not None:
            environment.setdefault("OMP_NUM_THREADS", str(threads))
        with self.log.open("ab") as log:
            log.write(f"$ python -m monai.bundle run --args_file {args_file}\n".encode())
            log.flush()
            # the process must not outlive whoever records that it is finished
            self._process = subprocess.Popen(
                [*COMMAND, str(args_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )

    def poll(self) -> int | None:
        """The exit code; None while it runs; negative: the number of the signal that ended it."""
        return self._process.poll()

    def stop(self) -> None:
        """End it and what it has started."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _end_with_parent(parent: int) -> Any:
    """What a new process does first: on Linux, ask to be killed when its parent dies, however that dies."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return ask
