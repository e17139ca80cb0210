# SPDX-License-Identifier: Apache-2.0
"""`python -m monai.bundle run` in processes of their own that may be killed; PyTorch and MONAI are loaded once for all.

A process forked from :mod:`fork_server`'s then is that command but for the imports.
"""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import socket
import sys
from pathlib import Path

from fork_server import ForkServer, forked, serve

_SERVER = ForkServer(__file__, OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")


class Training:
    """One run in ``world`` processes.

    ``die_at``: the first process kills itself before its operation of this number on files of its ``output_dir``
    (opening for writing, renaming, removing); ``tear_at``: half-way through its ``torch.save`` of this number.
    ``slow``: seconds that putting a file on the disk takes longer, so that a kill from outside meets it.
    ``environment``: variables to set.
    """

    def __init__(self, switches, log, world=1, die_at=None, tear_at=None, slow=0.0, environment=None):
        self.log = Path(log)
        request = {"arguments": arguments(switches), "output": str(switches["output_dir"]), "log": str(log)}
        request |= {"world": world, "port": free_port(), "die_at": die_at, "tear_at": tear_at}
        self.pids = _SERVER.ask(request | {"slow": slow, "environment": environment or {}})
        self._codes = {}

    def wait(self):
        """Exit codes in the order of ranks; negative: the signal that ended it."""
        for pid in self.pids:
            if pid not in self._codes:
                self._codes[pid] = _SERVER.ask({"wait": pid})
        return [self._codes[pid] for pid in self.pids]

    def kill(self, *ranks):
        """SIGKILL, to all if none are named."""
        for rank in ranks or range(len(self.pids)):
            if self.pids[rank] not in self._codes:
                os.kill(self.pids[rank], signal.SIGKILL)

    def ended(self):
        """Whether all have ended by themselves."""
        for pid in self.pids:
            if pid not in self._codes and (code := _SERVER.ask({"poll": pid})) is not None:
                self._codes[pid] = code
        return len(self._codes) == len(self.pids)

    def code(self, rank):
        """Exit code of a process that :meth:`ended` has found to be over; None while it runs."""
        return self._codes.get(self.pids[rank])

    def operations(self):
        """How many operations on files the first process has made."""
        return int(self.log.with_suffix(".operations").read_text())

    def printed(self):
        """Everything that the processes said."""
        return self.log.read_text(errors="replace")


def arguments(switches):
    """As they stand on the command line."""
    return ["run", *(f"--{name}={value}" for name, value in switches.items())]


def free_port():
    """A TCP port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _begin(request):
    return [forked(_be_the_command, request, rank, failed=1) for rank in range(request["world"])]


def _be_the_command(request, rank):
    from staged_deaths import count_operations, slow_down, tear_a_file

    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if request["world"] > 1:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(request["world"])}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(request["port"])}
    os.environ |= request["environment"]
    if rank == 0:
        count_operations(request["output"], request["die_at"], Path(request["log"]).with_suffix(".operations"))
        tear_a_file(request["tear_at"])
    slow_down(request["slow"])
    sys.argv = ["monai.bundle", *request["arguments"]]
    runpy.run_module("monai.bundle", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
    for name in ("torch._dynamo", "torch._inductor", "torch.utils.tensorboard", "matplotlib.pyplot"):
        importlib.import_module(name)
    for name in ("monai.bundle", "monai_gradprom.bundle", "monai_gradprom.datasets"):
        importlib.import_module(name)
    serve(_begin)
