# SPDX-License-Identifier: Apache-2.0
"""`monai-gradprom enhance` in processes of their own that may be killed; PyTorch is loaded once for all of them.

Each is forked from :mod:`fork_server`'s process. What the command's own workers (spawned) do can be replaced by
:mod:`faulty_tasks`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from fork_server import ForkServer, forked, serve

_SERVER = ForkServer(__file__)


class Command:
    """One run of the command.

    ``tasks``: do jobs as the function of this name in faulty_tasks.py does; ``environment``: variables to set.
    """

    def __init__(self, arguments, folder, tasks=None, environment=None):
        self.out, self.err = folder / "stdout.txt", folder / "stderr.txt"
        request = {"arguments": [str(a) for a in arguments], "out": str(self.out), "err": str(self.err), "tasks": tasks}
        request["environment"] = environment or {}
        self.pid = _SERVER.ask(request)
        self.code = None

    def wait(self):
        if self.code is None:
            self.code = _SERVER.ask({"wait": self.pid})
        return self.code

    def kill(self, number=signal.SIGKILL):
        if self.code is None:
            os.kill(self.pid, number)
        return self.wait()

    def printed(self):
        return self.out.read_bytes() + self.err.read_bytes()

    def wait_until(self, condition, seconds=60.0):
        """Until the condition holds or the command has ended."""
        end = time.monotonic() + seconds
        while not condition() and is_alive(self.pid):
            assert time.monotonic() < end, self.printed()
            time.sleep(0.002)


def arguments(source, output, bundle, *flags, workers=2):
    """As they stand on the command line."""
    return [source, output, "--bundle", bundle, "--device", "cpu", "--workers", workers, *flags]


def is_alive(pid):
    """Whether a process runs; one that waits to be buried does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def rows(output):
    """Of the manifest, by path."""
    read = [json.loads(line) for line in (output / "manifest.jsonl").read_bytes().splitlines()]
    assert len({row["path"] for row in read}) == len(read)
    return {row["path"]: row for row in read}


def tree(folder):
    """Bytes of every file, by path."""
    paths = [os.path.join(place, name) for place, _, names in os.walk(os.fsencode(folder)) for name in names]
    return {os.path.relpath(path, os.fsencode(folder)): Path(os.fsdecode(path)).read_bytes() for path in paths}


def state(folder):
    """Inode, size and time of change of every file and folder, by path."""
    found = {}
    for place, folders, names in os.walk(os.fsencode(folder)):
        for name in [b".", *folders, *names]:
            about = os.lstat(os.path.join(place, name))
            found[os.path.join(place, name)] = (about.st_ino, about.st_size, about.st_mtime_ns)
    return found


def _begin(request):
    return forked(_be_the_command, request, failed=70)


def _be_the_command(request):
    from monai_gradprom.cli import main
    from monai_gradprom.enhance import workers

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ |= request["environment"]
    if request["tasks"]:
        workers.perform = getattr(importlib.import_module("faulty_tasks"), request["tasks"])
    return main(["enhance", *request["arguments"]])


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
    for name in ("monai_gradprom.cli", "monai_gradprom.enhance.runner"):
        importlib.import_module(name)
    serve(_begin)
