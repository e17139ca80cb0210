# SPDX-License-Identifier: Apache-2.0
"""Compilation of an enhancer that is differentiated more than once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

__all__ = ["compile_in_place"]


def compile_in_place(network: nn.Module, options: Mapping[str, Any] | None = None) -> None:
    """Compile ``network`` with the options of :func:`torch.compile`; the names of its parameters stay.

    It turns off donated buffers for the process: a gate runs the backward graph twice, and they would be gone by then.
    """
    from torch._functorch import config  # not there until imported

    config.donated_buffer = False
    network.compile(**(options or {}))
