# SPDX-License-Identifier: Apache-2.0
"""How a cluster is divided into actors."""

from __future__ import annotations

import pytest

from monai_gradprom.enhance.cluster.capacity import Capacity, capacity_of
from monai_gradprom.errors import InputError

CPUS = [{"CPU": 16.0}, {"CPU": 10.0}, {"memory": 1.0}]
MIXED = [{"CPU": 64.0}, {"CPU": 16.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 4.0}]


@pytest.mark.parametrize(
    ("machines", "device", "workers", "expected"),
    [
        (CPUS, "auto", None, Capacity(4 + 2, 4, "cpu")),
        ([{"CPU": 16.0}, {"CPU": 2.0}], "cpu", None, Capacity(8 + 1, 2, "cpu")),
        (CPUS, "cpu", 5, Capacity(3 + 2, 5, "cpu")),
        (CPUS, "cpu", 0, Capacity(16 + 10, 1, "cpu")),
        # four cores for each GPU: two on the first machine, then cores for two of four
        (MIXED, "auto", None, Capacity(2 + 2, 4, "cuda")),
        (MIXED, "cuda", 2, Capacity(2 + 4, 2, "cuda")),
        (MIXED, "cpu", None, Capacity(16 + 4 + 2, 4, "cpu")),
    ],
)
def test_a_cluster_is_filled(machines, device, workers, expected):
    assert capacity_of(machines, device, workers) == expected


@pytest.mark.parametrize(("device", "workers"), [("cuda", None), ("cpu", 17)])
def test_a_cluster_without_room(device, workers):
    with pytest.raises(InputError, match="no machine of the cluster"):
        capacity_of(CPUS, device, workers)
