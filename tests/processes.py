# SPDX-License-Identifier: Apache-2.0
"""Functions run in several gloo processes on the CPU."""

from __future__ import annotations

import multiprocessing
import tempfile
import warnings
from datetime import timedelta
from pathlib import Path

import torch
import torch.multiprocessing as mp

# imported once, in the process that the others fork from; optimizers import the last two
multiprocessing.set_forkserver_preload(
    ["monai_gradprom.engines", "monai_gradprom.handlers", "torch._dynamo", "torch._inductor"]
)


def in_processes(function, *arguments, world=2):
    """Call ``function(rank, world, *arguments)`` in each of ``world`` processes; their results, in order.

    The function must be importable; results are what ``torch.save`` can hold.
    """
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(_process, args=(world, folder, function, arguments), nprocs=world, start_method="forkserver")
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(world)]


def _process(rank, world, folder, function, arguments):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    store = torch.distributed.FileStore(str(Path(folder) / "store"), world)
    # processes that wait for one another in vain fail instead
    patience = timedelta(seconds=30)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=patience)
    try:
        torch.save(function(rank, world, *arguments), Path(folder) / f"{rank}.pt")
        if torch.distributed.is_initialized():  # a bundle that ends its run ends the group too
            torch.distributed.barrier()
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
