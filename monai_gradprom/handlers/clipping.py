# SPDX-License-Identifier: Apache-2.0
"""Gradient clipping for every network of a trainer."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from torch import nn

from monai_gradprom.errors import InputError

__all__ = ["GradientClipping"]


class GradientClipping:
    """Bound the norm of each network's gradient: the enhancer's, every recognizer's, a discriminator's, each by itself.

    Acts where MONAI's trainers say that gradients are complete (``BACKWARD_COMPLETED``); a
    :class:`~monai_gradprom.engines.GradPromTrainer` says so once per update, after the gate has decided, processes have
    averaged and the loss scale is taken out. A gradient that is not finite stays so, and the update is skipped.

    Args:
        max_norm: bound of the norm; None clips nothing.
        norm_type: as in :func:`torch.nn.utils.clip_grad_norm_`.

    Raises:
        InputError: ``max_norm`` is not above 0.
    """

    def __init__(self, max_norm: float | None, norm_type: float = 2.0) -> None:
        if max_norm is not None and not max_norm > 0:
            raise InputError(f"max_norm is {max_norm!r}; give a number above 0, or None to clip nothing.")
        self.max_norm = max_norm
        self.norm_type = norm_type

    def attach(self, engine: Engine) -> None:
        """Register with a trainer that has ``networks``, or a ``network`` alone, as MONAI's have."""
        if self.max_norm is not None:
            engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self.clip)

    def clip(self, engine: Any) -> None:
        """Clip what is in ``.grad``."""
        assert self.max_norm is not None
        for network in getattr(engine, "networks", (engine.network,)):
            nn.utils.clip_grad_norm_(network.parameters(), self.max_norm, self.norm_type)
