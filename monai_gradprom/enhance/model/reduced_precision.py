# SPDX-License-Identifier: Apache-2.0
"""Convolutions in 16 bits."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["autocast_dtype", "for_reduced_precision"]

_DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def autocast_dtype(precision: str, device: torch.device, amp: bool) -> torch.dtype | None:
    """What :class:`torch.autocast` shall calculate convolutions in; None: all in float32.

    Args:
        precision: one of :data:`~monai_gradprom.enhance.execution.PRECISIONS`.
        device: where the network runs.
        amp: of the bundle: as in MONAI's evaluator, float16 where nothing else is said and the device is CUDA.
    """
    return _DTYPES[precision] or (torch.float16 if amp and device.type == "cuda" else None)


def for_reduced_precision(network: nn.Module) -> nn.Module:
    """Lay weights of convolutions out channels last, in place: images follow, which takes half of the time on a CPU."""
    for parameter in network.parameters():
        if parameter.ndim in _CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=_CHANNELS_LAST[parameter.ndim])
    return network
