# SPDX-License-Identifier: Apache-2.0
"""Mixed precision for several networks that are updated together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["Precision"]


class Precision:
    """Autocast and, where float16 needs it, one loss scale for all losses and optimizers.

    Args:
        device: where the networks run.
        amp: whether to compute in reduced precision at all.
        autocast_kwargs: arguments of :class:`torch.autocast`, such as ``dtype``; the default is the device's own,
            float16 on CUDA and bfloat16 on the CPU.
        scaler: a scaler of the caller's own; by default one that is enabled for float16 only.
    """

    def __init__(
        self,
        device: torch.device | None,
        amp: bool,
        autocast_kwargs: dict[str, Any] | None = None,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        self.amp = amp
        self.device_type = device.type if device is not None else "cpu"
        self.autocast_kwargs = dict(autocast_kwargs or {})
        dtype = self.autocast_kwargs.get("dtype") or torch.get_autocast_dtype(self.device_type)
        if scaler is None:
            scaler = torch.amp.GradScaler(self.device_type, enabled=amp and dtype == torch.float16)
        self.scaler = scaler

    def autocast(self) -> AbstractContextManager:
        """The context for forward passes and losses."""
        return torch.autocast(self.device_type, enabled=self.amp, **self.autocast_kwargs)

    def scale(self, loss: Tensor) -> Tensor:
        """The loss times the common scale: cosines and ratios of gradients do not feel it."""
        return self.scaler.scale(loss)

    def unscale_(self, optimizers: Sequence[Optimizer]) -> None:
        """Bring all ``.grad`` back to their true size."""
        if self.scaler.is_enabled():
            for optimizer in optimizers:
                self.scaler.unscale_(optimizer)

    def all_finite(self, optimizers: Sequence[Optimizer]) -> bool:
        """Whether every gradient is finite: one pass over all ``.grad``, one wait for the device."""
        gradients = [p.grad for o in optimizers for group in o.param_groups for p in group["params"]]
        norm = torch.nn.utils.get_total_norm([g for g in gradients if g is not None])
        return bool(torch.isfinite(norm))

    def step_all(self, optimizers: Sequence[Optimizer], finite: bool = True) -> bool:
        """Step all optimizers, or none where a gradient is not finite, and adapt the scale.

        Args:
            optimizers: those of an update, whose gradients are unscaled.
            finite: what else must hold.

        Returns:
            whether they stepped.
        """
        finite = finite and self.all_finite(optimizers)
        if finite:
            self.step(optimizers)
        self.update()
        return finite

    def step(self, optimizers: Sequence[Optimizer]) -> None:
        """Step all optimizers."""
        for optimizer in optimizers:
            self.scaler.step(optimizer)

    def update(self) -> None:
        """Adapt the scale; it shrinks after an overflow whichever network it was found in."""
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """The scaler's state."""
        return self.scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the scaler's state."""
        if state:
            self.scaler.load_state_dict(state)
