# SPDX-License-Identifier: Apache-2.0
"""Dot product and norms of two gradients, in few steps on the device and without a copy of them as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor

from .gradients import GradientList

__all__ = ["dot_and_norms"]

_BUCKET = 1 << 20  # elements: a network's many small parameters in one dot product


def dot_and_norms(a: GradientList, b: GradientList) -> Tensor:
    """⟨a, b⟩, ⟨a, a⟩ and ⟨b, b⟩ over all entries, accumulated in float32 at least.

    Args:
        a: gradients of any floating-point types and memory layouts; ``None`` counts as zeros.
        b: gradients of the same parameters.

    Returns:
        a tensor of shape (3,) on the gradients' device: nothing waits for the device here.
    """
    present = [t for t in (*a, *b) if t is not None]
    if not present:
        return torch.zeros(3)
    dtype = reduce(torch.promote_types, {t.dtype for t in present}, torch.float32)
    total = torch.zeros(3, dtype=dtype, device=present[0].device)
    for x, y in _buckets(a, b):
        x, y = x.to(dtype), y.to(dtype)
        total += torch.stack([torch.dot(x, y), torch.dot(x, x), torch.dot(y, y)])
    return total


def _buckets(a: GradientList, b: GradientList) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of vectors that hold the same elements of ``a`` and ``b``."""
    waiting: list[tuple[Tensor, Tensor]] = []
    filled = 0
    for x, y in zip(a, b, strict=True):
        some = y if x is None else x
        if some is None:
            continue
        pair = _flat(x, some), _flat(y, some)
        if some.numel() >= _BUCKET:  # large enough by itself, and not worth a copy
            yield pair
            continue
        waiting.append(pair)
        filled += some.numel()
        if filled >= _BUCKET:
            yield _joined(waiting)
            waiting, filled = [], 0
    if waiting:
        yield _joined(waiting)


def _flat(gradient: Tensor | None, some: Tensor) -> Tensor:
    """A gradient as a vector in the order of ``some``'s memory, so that channels-last costs no copy either."""
    if gradient is None:
        return some.new_zeros(some.numel())
    return gradient.permute(sorted(range(some.ndim), key=some.stride, reverse=True)).reshape(-1)


def _joined(pairs: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    if len(pairs) == 1:
        return pairs[0]
    return torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])
