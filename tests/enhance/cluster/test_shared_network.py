# SPDX-License-Identifier: Apache-2.0
"""Threads that share a network."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from monai_gradprom.enhance.cluster.shared_network import SharedNetwork
from monai_gradprom.errors import InputError


class Network:
    """Adds the end of the window; its first call lasts until it is let go."""

    def __init__(self):
        self.sizes, self.threads = [], set()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def __call__(self, units, windows):
        self.sizes.append(len(units))
        self.threads.add(threading.get_ident())
        self.entered.set()
        assert self.go_on.wait(20)
        if any((one == 3).any() for one in units):
            raise InputError("three is no image")
        return [one + window[1] for one, window in zip(units, windows, strict=True)]


def ask(count):
    """Ask for 0, and while the network is at it, for 1 to ``count``; the network and the futures."""
    network = Network()
    shared = SharedNetwork(network)
    with ThreadPoolExecutor(count + 1) as threads:
        futures = [threads.submit(shared.serve, [np.zeros(2)], [(0.0, 0.0)])]
        assert network.entered.wait(20)
        futures += [threads.submit(shared.serve, [np.full(2, n)], [(0.0, 10.0 * n)]) for n in range(1, count + 1)]
        end = time.monotonic() + 20
        while shared._requests.qsize() < count:
            assert time.monotonic() < end
            time.sleep(0.001)
        network.go_on.set()
    return network, futures


def test_who_waits_is_served_together_and_gets_its_own_answer():
    network, futures = ask(2)
    assert network.sizes == [1, 2]
    assert len(network.threads) == 1
    for number, future in enumerate(futures):
        (answer,) = future.result()
        np.testing.assert_array_equal(answer, [11 * number] * 2)


def test_a_refused_image_does_not_spoil_those_beside_it():
    network, futures = ask(4)
    assert network.sizes == [1, 4, 1, 1, 1, 1]
    with pytest.raises(InputError, match="three is no image"):
        futures[3].result()
    assert [futures[n].result()[0][0] for n in (0, 1, 2, 4)] == [0, 11, 22, 44]
