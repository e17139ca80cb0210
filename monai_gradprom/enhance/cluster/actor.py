# SPDX-License-Identifier: Apache-2.0
"""What runs on a machine of the cluster: the network, and processes that read and write."""

from __future__ import annotations

import queue
import socket
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from monai_gradprom import __version__
from monai_gradprom.enhance.made_by import made_by
from monai_gradprom.enhance.options import Options
from monai_gradprom.enhance.processes.kept_memory import keep_freed_memory
from monai_gradprom.enhance.processes.memory_limit import ceiling
from monai_gradprom.enhance.processes.pool import Infer, Serve
from monai_gradprom.enhance.processes.worker import be_silent
from monai_gradprom.enhance.record.run_key import differences
from monai_gradprom.enhance.setup import Setup
from monai_gradprom.enhance.workers import Workers, local_workers
from monai_gradprom.errors import InputError

from .shared_network import SharedNetwork

__all__ = ["EnhanceActor", "Plan"]


@dataclass(frozen=True)
class Plan:
    """What every actor is told, with absolute paths.

    Args:
        perform: does a job in a process of the actor.
        setup: of the run.
        options: of the command line.
        made_by: what the command has found in the bundle.
        device: where the network runs.
    """

    perform: Callable[[Setup, Any, Infer], Any]
    setup: Setup
    options: Options
    made_by: dict[str, str]
    device: str


class EnhanceActor:
    """One network, and ``--workers`` lanes in which files go through it, each with a process of its own.

    A decoder's crash ends a process here, as it does with the local engine, not the actor.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lanes: queue.SimpleQueue[Workers] = queue.SimpleQueue()

    def ready(self, lanes: int) -> None:
        """Load the network and start ``lanes`` processes; 0: do everything in the actor itself.

        Raises:
            InputError: this machine does not see the folders, or has another bundle or version of this software.
        """
        be_silent()
        vars(sys.modules["__main__"]).pop("__file__", None)  # else each process would begin as a worker of Ray
        try:
            setup = self._own_setup()
            serve = _nothing if self._plan.options.dry_run else SharedNetwork(self._loaded()).serve
        except InputError as error:
            raise InputError(f"{socket.gethostname()}, a machine of the cluster: {error}") from None
        task = partial(self._plan.perform, setup)
        for _ in range(max(1, lanes)):
            options = self._plan.options
            workers = local_workers(min(1, lanes), task, serve, options.timeout, ceiling(options.memory))
            self._lanes.put(workers.__enter__())  # they end with the actor

    def do(self, job: Any) -> Any:
        """Do a job in a lane that is free; :class:`~monai_gradprom.enhance.processes.pool.Lost` if its process dies."""
        lane = self._lanes.get()
        try:
            ((_, result),) = lane.run([job])
            return result
        finally:
            self._lanes.put(lane)

    def _own_setup(self) -> Setup:
        """With a folder for temporary files of its own: processes on two machines may have the same number."""
        setup, version = self._plan.setup, self._plan.made_by["software version"]
        if version != __version__:
            raise InputError(f"it has monai-gradprom {__version__}; install {version}, as where the command runs.")
        for argument, folder in (("INPUT", setup.input), ("--bundle", self._plan.options.bundle)):
            if not folder.is_dir():
                raise InputError(f"{argument} {folder} is not there; name a folder that all machines share.")
        if self._plan.options.dry_run:
            return setup
        try:
            return replace(setup, work=Path(tempfile.mkdtemp(dir=setup.work)))
        except OSError as error:
            raise InputError(
                f"OUTPUT {setup.output} is not there or cannot be written to ({error.strerror}); name a folder that"
                " all machines share."
            ) from None

    def _loaded(self) -> Serve:
        from monai_gradprom.enhance.model.network import BundleNetwork

        options = self._plan.options
        keep_freed_memory(1 << 30)  # for a network on the CPU
        network = BundleNetwork.load(
            options.bundle,
            self._plan.device,
            options.settings,
            options.tile_size,
            options.runtime,
            options.precision,
            options.require_sha256,
        )
        differ = differences(self._plan.made_by, made_by(network))
        if differ:
            raise InputError(
                f"its bundle {options.bundle} is another one ({differ}); name one that all machines share."
            )
        return partial(network.infer, batch_size=options.batch_size)


def _nothing(units: Any, windows: Any) -> Any:
    raise AssertionError("a dry run needs no network")
