# SPDX-License-Identifier: Apache-2.0
"""Padding to a network's size multiple, and back."""

from __future__ import annotations

import torch
from torch.nn import functional as F

__all__ = ["crop_padding", "pad_to_multiple", "repeat_to_even", "repeat_to_multiple"]


def pad_to_multiple(x: torch.Tensor, multiple: int) -> tuple[torch.Tensor, list[int]]:
    """Pad every spatial side with zeros to the next multiple, half before and half after.

    Args:
        x: [B, C, *spatial], normalised, so that zero is a middling value.
        multiple: what each spatial side shall be divisible by.

    Returns:
        The padded tensor, and the widths added, in the order of ``torch.nn.functional.pad`` (last axis first).
    """
    widths = _widths(x, multiple)
    return F.pad(x, widths), widths


def repeat_to_multiple(x: torch.Tensor, multiple: int) -> tuple[torch.Tensor, list[int]]:
    """Pad every spatial side to the next multiple by repeating the border, half before and half after.

    For images: a frame of zeros is a black edge, which a network sees and draws back into the image.

    Args:
        x: [B, C, *spatial].
        multiple: what each spatial side shall be divisible by.

    Returns:
        The padded tensor, and the widths added, as of :func:`pad_to_multiple`.
    """
    widths = _widths(x, multiple)
    for axis in range(2, x.ndim):
        before, after = widths[2 * (x.ndim - 1 - axis)], widths[2 * (x.ndim - 1 - axis) + 1]
        side = x.shape[axis]
        # by index: the backward of F.pad is not deterministic on CUDA
        places = torch.arange(-before, side + after, device=x.device).clamp(0, side - 1)
        x = x.index_select(axis, places)
    return x, widths


def _widths(x: torch.Tensor, multiple: int) -> list[int]:
    widths: list[int] = []
    for side in x.shape[2:][::-1]:
        total = -side % multiple
        widths += [total // 2, total - total // 2]
    return widths


def crop_padding(x: torch.Tensor, widths: list[int]) -> torch.Tensor:
    """Take away what :func:`pad_to_multiple` or :func:`repeat_to_multiple` added.

    Args:
        x: [B, C, *padded spatial]; the channels may differ from those padded.
        widths: as returned there.

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
