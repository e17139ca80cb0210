# SPDX-License-Identifier: Apache-2.0
"""One network for several threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from monai_gradprom.enhance.processes.pool import Serve
from monai_gradprom.enhance.setup import Window

__all__ = ["SharedNetwork"]


@dataclass(frozen=True)
class _Request:
    units: Sequence[np.ndarray]
    windows: Sequence[Window]
    answer: Future[list[np.ndarray]] = field(default_factory=Future)


class SharedNetwork:
    """Calls the network in a thread of its own; requests that arrive while it is at work go to it together.

    Args:
        serve: the network. What it raises over several requests is found out for each alone.
    """

    def __init__(self, serve: Serve) -> None:
        self._network = serve
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def serve(self, units: Sequence[np.ndarray], windows: Sequence[Window]) -> list[np.ndarray]:
        """What the network makes of it; see :data:`~monai_gradprom.enhance.processes.pool.Serve`."""
        request = _Request(units, windows)
        self._requests.put(request)
        return request.answer.result()

    def _work(self) -> None:
        while True:
            together = [self._requests.get()]
            while not self._requests.empty():  # nobody else takes any out
                together.append(self._requests.get())
            self._answer(together)

    def _answer(self, together: Sequence[_Request]) -> None:
        units = [one for request in together for one in request.units]
        windows = [one for request in together for one in request.windows]
        try:
            made = iter(self._network(units, windows))
        except Exception as error:
            if len(together) == 1:
                together[0].answer.set_exception(error)
                return
            for request in together:
                self._answer([request])
            return
        for request in together:
            request.answer.set_result([next(made) for _ in request.units])
