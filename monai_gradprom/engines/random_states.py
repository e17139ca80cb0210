# SPDX-License-Identifier: Apache-2.0
"""The global random generators of all processes as something a checkpoint can hold."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from .distributed import every_process

__all__ = ["RandomStates"]


class RandomStates:
    """Python's, NumPy's, torch's and CUDA's global generators, in types that ``weights_only`` loading admits.

    Of several processes each draws on its own (dropout, say), so that a checkpoint needs the states of all: call
    :meth:`state_dict` in every one.
    """

    def state_dict(self) -> dict[str, Any]:
        """The states now, process by process."""
        return {"processes": every_process(_states())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put this process's generators back; CUDA's only where there is such a device.

        Raises:
            ValueError: the states are of another number of processes.
        """
        now = len(every_process(None))
        if len(state["processes"]) != now:
            raise ValueError(f"the random states are of {len(state['processes'])} processes, this run has {now}.")
        _restore(state["processes"][dist.get_rank() if now > 1 else 0])


def _states() -> dict[str, Any]:
    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(words), gauss],
        "numpy": [torch.from_numpy(np.asarray(keys, dtype=np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        # the current device's alone: asking the others would make this process occupy them
        "cuda": [torch.cuda.get_rng_state()] if torch.cuda.is_available() else [],
    }


def _restore(state: dict[str, Any]) -> None:
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"].cpu())
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"][0].cpu())
