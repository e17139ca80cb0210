# SPDX-License-Identifier: Apache-2.0
"""Averaging many tensors over processes in buckets of bounded size, as DistributedDataParallel does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["BUCKET_BYTES", "average_in_buckets"]

BUCKET_BYTES = 25 * 2**20
"""Size of a bucket: DistributedDataParallel's default."""

_IN_FLIGHT = 2  # one bucket travels while the next is filled


def average_in_buckets(tensors: Iterable[Tensor], bucket_bytes: int = BUCKET_BYTES) -> None:
    """Replace each tensor by its mean over all processes.

    Every process passes the same tensors in the same order. They are reduced in buckets of consecutive tensors, two on
    their way at a time, so that the extra memory is at most ``2 * bucket_bytes``. A contiguous tensor that fills a
    bucket by itself is reduced where it is, without a copy.

    Args:
        tensors: floating-point tensors of any shape, layout and device.
        bucket_bytes: size of a bucket.
    """
    waiting: deque[_Bucket] = deque()
    for members in _packed(tensors, bucket_bytes):
        # its memory goes on to the next: gloo's thread may hold on to it for a while after the reduction
        room = waiting.popleft().finish() if len(waiting) == _IN_FLIGHT else None
        waiting.append(_Bucket(members, room))
    for bucket in waiting:
        bucket.finish()


class _Bucket:
    """Tensors that travel together, in ``room`` where they fit into it; without need of it, it is handed on."""

    def __init__(self, members: list[Tensor], room: Tensor | None) -> None:
        self.members = members
        self.in_place = len(members) == 1 and members[0].is_contiguous()
        self.flat, self.room = (members[0].view(-1), room) if self.in_place else _flattened(members, room)
        self.work: Any = dist.all_reduce(self.flat, async_op=True)

    def finish(self) -> Tensor | None:
        """Wait, and hand the mean to the members; returns the memory that is free now, if any."""
        self.work.wait()
        self.flat.div_(dist.get_world_size())
        if not self.in_place:
            torch._foreach_copy_(self.members, _views(self.flat, self.members))
        return self.room


def _room_for(members: list[Tensor], room: Tensor | None) -> Tensor:
    size = sum(member.numel() for member in members)
    kind = (members[0].dtype, members[0].device)
    if room is not None and (room.dtype, room.device) == kind and room.numel() >= size:
        return room
    return members[0].new_empty(size)


def _flattened(members: list[Tensor], room: Tensor | None) -> tuple[Tensor, Tensor]:
    """The members in a row, and the memory that they lie in."""
    room = _room_for(members, room)
    flat = room[: sum(member.numel() for member in members)]
    # in logical order: processes may have laid out the same tensor in different ways
    torch._foreach_copy_(_views(flat, members), members)
    return flat, room


def _views(flat: Tensor, members: list[Tensor]) -> list[Tensor]:
    parts = flat.split([member.numel() for member in members])
    return [part.view(member.shape) for part, member in zip(parts, members, strict=True)]


def _packed(tensors: Iterable[Tensor], bucket_bytes: int) -> Iterator[list[Tensor]]:
    """Consecutive tensors of one kind, at most ``bucket_bytes`` together where a single row is not larger already."""
    bucket: list[Tensor] = []
    filled = 0
    for tensor in tensors:
        for piece in _pieces(tensor, bucket_bytes):
            size = piece.numel() * piece.element_size()
            another_kind = bucket and (bucket[0].dtype != piece.dtype or bucket[0].device != piece.device)
            if bucket and (another_kind or filled + size > bucket_bytes):
                yield bucket
                bucket, filled = [], 0
            bucket.append(piece)
            filled += size
    if bucket:
        yield bucket


def _pieces(tensor: Tensor, bucket_bytes: int) -> Iterable[Tensor]:
    """The tensor itself, or runs of its rows where it is larger than a bucket."""
    size = tensor.numel() * tensor.element_size()
    if size <= bucket_bytes or tensor.ndim == 0:
        return (tensor,)
    return tensor.split(max(1, bucket_bytes * len(tensor) // size))
