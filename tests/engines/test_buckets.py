# SPDX-License-Identifier: Apache-2.0
"""Averages over processes travel in buckets: equal results, bounded memory."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from processes import in_processes
from torch.profiler import profile

from monai_gradprom.engines.distributed import average_gradients
from monai_gradprom.strategies import Gradients

KIB = 1024


def _tensors(rank):
    """All layouts and kinds that a network's gradients come in."""
    generator = torch.Generator().manual_seed(rank)

    def draw(*shape, dtype=torch.float32):
        return torch.randn(shape, generator=generator).to(dtype)

    return [
        draw(),
        draw(3, 5, 3, 3),
        draw(8, 4, 3, 3).to(memory_format=torch.channels_last),
        None,
        draw(7, 2, dtype=torch.bfloat16),
        draw(2, dtype=torch.float64),
        draw(40, 64),  # larger than a small bucket, contiguous
        draw(6, 40).t(),  # the same, transposed
        draw(1, 500),  # a single row that is larger
        draw(0, 3),
    ]


def _average(rank, world, bucket_bytes):
    here = [_tensors(rank) for _ in range(3)]
    average_gradients(Gradients(here[0], {"a": here[1]}, {"a": here[2]}), bucket_bytes)
    return here


@pytest.mark.parametrize("bucket_bytes", [16, 1 * KIB, 25 * 2**20])
def test_every_tensor_becomes_the_mean(bucket_bytes):
    given = [_tensors(0), _tensors(1)]
    first, second = in_processes(_average, bucket_bytes)
    for group in (*first, *second):
        for found, a, b in zip(group, *given, strict=True):
            if found is None:
                assert a is None
                continue
            assert found.dtype == a.dtype
            assert torch.allclose(
                found, ((a.double() + b.double()) / 2).to(a.dtype), rtol=1e-2 if a.itemsize == 2 else 1e-6
            )


def _count(rank, world, tensors, bucket_bytes):
    """How much memory averaging takes beyond the tensors, how many reductions, and how many at a time."""
    unfinished, together, reductions = 0, 0, 0
    reduce = dist.all_reduce

    class Watched:
        def __init__(self, work):
            self.work = work

        def wait(self):
            nonlocal unfinished
            unfinished -= 1
            self.work.wait()

    def watched(tensor, async_op=False):
        nonlocal unfinished, together, reductions
        unfinished, reductions = unfinished + 1, reductions + 1
        together = max(together, unfinished)
        held.append(tensor)  # as gloo's thread may, for a while
        return Watched(reduce(tensor, async_op=async_op))

    held = []

    dist.all_reduce = watched
    try:
        with profile(profile_memory=True) as profiler:
            average_gradients(Gradients(tensors), bucket_bytes)
    finally:
        dist.all_reduce = reduce
    events = sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    taken = peak = 0
    for event in events:
        if event.name() == "[memory]":
            taken += event.nbytes()
            peak = max(peak, taken)
    return peak, reductions, together


def test_extra_memory_is_two_buckets_however_large_the_network():
    many = [torch.ones(16, 16, 3, 3).to(memory_format=torch.channels_last) for _ in range(100)]  # 9 KiB each
    peak, reductions, together = in_processes(_count, many, 100 * KIB)[0]
    assert 100 * KIB < peak < 210 * KIB  # of 900
    assert reductions == 10  # 11 of them fill a bucket
    assert together == 2


def test_memory_is_handed_on_past_tensors_that_need_none():
    copied = torch.ones(176, 16, 3, 3).to(memory_format=torch.channels_last)  # 99 KiB, to be laid out anew
    in_place = torch.ones(25, 1024)  # 100 KiB
    peak, _, _ = in_processes(_count, [copied, copied.clone(), in_place] * 5, 100 * KIB)[0]
    assert 150 * KIB < peak < 210 * KIB


def test_what_fills_a_bucket_by_itself_is_not_copied():
    peak, reductions, _ = in_processes(_count, [torch.ones(1000, 256), torch.ones(1000, 256)], 100 * KIB)[0]
    assert peak < 10 * KIB
    assert reductions == 2 * 10
