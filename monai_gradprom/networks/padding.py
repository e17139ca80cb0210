# SPDX-License-Identifier: Apache-2.0
"""Padding to a network's size multiple, and back."""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["crop_padding", "pad_to_multiple", "repeat_to_even"]


def pad_to_multiple(x: torch.Tensor, multiple: int, mode: str = "constant") -> tuple[torch.Tensor, list[int]]:
    """Pad every spatial side to the next multiple, half before and half after.

    Args:
        x: [B, C, *spatial].
        multiple: what each spatial side shall be divisible by.
        mode: as in ``torch.nn.functional.pad``; "constant" pads zeros, as convolutions do.

    Returns:
        The padded tensor, and the widths added, in the order of ``torch.nn.functional.pad`` (last axis first).
    """
    widths: list[int] = []
    for side in x.shape[2:][::-1]:
        total = -side % multiple
        widths += [total // 2, total - total // 2]
    return F.pad(x, widths, mode=mode), widths


def crop_padding(x: torch.Tensor, widths: list[int]) -> torch.Tensor:
    """Take away what :func:`pad_to_multiple` added.

    Args:
        x: [B, C, *padded spatial]; the channels may differ from those padded.
        widths: as returned by :func:`pad_to_multiple`.

    Returns:
        [B, C, *spatial].
    """
    return F.pad(x, [-width for width in widths])


def repeat_to_even(x: torch.Tensor) -> torch.Tensor:
    """Repeat the last pixel of each odd side of [B, C, *spatial], by slices, whose backward is deterministic."""
    for axis in range(2, x.ndim):
        if x.shape[axis] % 2:
            x = torch.cat([x, x.narrow(axis, x.shape[axis] - 1, 1)], dim=axis)
    return x
