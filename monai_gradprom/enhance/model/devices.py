# SPDX-License-Identifier: Apache-2.0
"""Where a network can run."""

from __future__ import annotations

import torch

from monai_gradprom.errors import InputError

__all__ = ["chosen_device", "is_out_of_memory"]


def chosen_device(name: str) -> torch.device:
    """The device of that name; ``"auto"`` is CUDA, else Apple's Metal, else the CPU.

    Raises:
        InputError: there is no such device here.
    """
    if name == "auto":
        found = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(found)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(f"the device {name!r} is not there ({type(error).__name__}); use cpu or auto.") from error
    return device


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on whatever device: the CPU's allocator has no exception of its own."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "not enough memory" in text or "alloc" in text)
    )
