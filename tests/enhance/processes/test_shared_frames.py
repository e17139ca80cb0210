# SPDX-License-Identifier: Apache-2.0
"""Frames between processes: through shared memory, or with the message if they are too large."""

from __future__ import annotations

import multiprocessing
import pickle

import numpy as np
import pytest
from pool_tasks import work

from monai_gradprom.enhance.processes.pool import WorkerPool
from monai_gradprom.enhance.processes.shared_frames import SharedFrames


@pytest.fixture
def ends():
    memory = SharedFrames.allocate(multiprocessing.get_context("spawn"))
    return SharedFrames(memory), SharedFrames(memory)


@pytest.mark.parametrize("order", "CF")
def test_what_one_side_puts_the_other_side_gets(ends, order):
    array = np.random.default_rng(0).random((2, 3, 4, 5)).astype(np.float32).copy(order)
    got = ends[1].get(pickle.loads(pickle.dumps(ends[0].put(array))))
    assert got.dtype == np.float32 and got.strides == array.strides
    np.testing.assert_array_equal(got, array)


def test_what_stands_there_already_may_be_put_back_whole_or_in_part(ends):
    array = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    there = ends[1].get(ends[0].put(array))
    there.flags.writeable = False
    np.testing.assert_array_equal(ends[0].get(ends[1].put(there)), array)
    np.testing.assert_array_equal(ends[0].get(ends[1].put(there[..., ::2])), array[..., ::2])


def test_pixels_are_no_part_of_the_message_unless_there_is_no_room(ends):
    small, large = (np.ones((1, 1, side, side), np.float32) for side in (2000, 2100))  # 16 and 17.6 MB
    assert len(pickle.dumps(ends[0].put(small))) < 1000
    np.testing.assert_array_equal(ends[1].get(pickle.loads(pickle.dumps(ends[0].put(large)))), large)


def test_workers_use_it_for_requests_of_every_size():
    sizes = [3, 2100, 5]

    def doubled(units, windows):
        return [2 * u for u in units]

    with WorkerPool(1, work, doubled, 60.0) as pool:
        results = dict(pool.run(("square", side) for side in sizes))
    assert results == {("square", side): 2.0 * sum(range(side)) for side in sizes}


def test_without_shared_memory_all_travels_with_the_message():
    """As where files, which shared memory is to the system, may not grow."""

    class Denied:
        def RawArray(self, kind, size):
            raise OSError(27, "File too large")

    memory = SharedFrames.allocate(Denied())
    assert memory is None
    array = np.random.default_rng(0).random((1, 1, 30, 20)).astype(np.float32)
    message = pickle.dumps(SharedFrames(memory).put(array))
    assert len(message) > array.nbytes
    np.testing.assert_array_equal(SharedFrames(memory).get(pickle.loads(message)), array)
