# SPDX-License-Identifier: Apache-2.0
"""Memory that two processes share, for frames on their way to the network and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from monai_gradprom.enhance.pixels.memory_order import laid_out, named

__all__ = ["SharedFrames"]

_BYTES = 1 << 24  # four frames of 1024 x 1024


class SharedFrames:
    """Room for one array, which one process puts and the other gets; larger ones travel with the message.

    A pipe would copy each frame four times and wake both sides for every fifth of a megabyte.

    Args:
        memory: from :meth:`allocate`, here or in the other process.
    """

    def __init__(self, memory: Any) -> None:
        self._room = np.empty(0, np.uint8) if memory is None else np.frombuffer(memory, np.uint8)

    @staticmethod
    def allocate(context: Any) -> Any:
        """Memory for a new process of a multiprocessing ``context``, filled with zeros so that it is there.

        Returns:
            None where the system grants none (it is a file to it: a full disk, a limit); then all travels in messages.
        """
        try:
            return context.RawArray("b", _BYTES)
        except OSError:
            return None

    def put(self, array: np.ndarray) -> tuple:
        """Place ``array`` in the room; what to tell the other side."""
        view, order = laid_out(array)
        if view.nbytes > self._room.nbytes:
            return view, None, order
        seen = self._seen(view.shape, view.dtype)
        there = view.flags.c_contiguous and view.ctypes.data == seen.ctypes.data
        if not there:
            seen[...] = view
        return view.shape, view.dtype, order

    def get(self, told: tuple) -> np.ndarray:
        """What the other side has put. It stands there until one of both puts something else."""
        what, dtype, order = told
        return named(what if dtype is None else self._seen(what, dtype), order)

    def _seen(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return np.ndarray(shape, dtype, self._room.data)
