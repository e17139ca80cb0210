# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose, Lambdad, RandGaussianNoised
from torch.utils.data import BatchSampler

from monai_gradprom.datasets import CacheBoundary, EpochIndex, EpochSampler, ReplayableDataset
from monai_gradprom.errors import InputError


def dataset(seed=3, loads=None):
    def load(value):
        if loads is not None:
            loads.append(1)
        return torch.full((1, 4, 4), float(value))

    transform = Compose([Lambdad("image", load), CacheBoundary(), RandGaussianNoised("image", prob=1.0, std=1.0)])
    return ReplayableDataset([{"image": i} for i in range(12)], transform, seed=seed, progress=False)


def draw(data, *key):
    return data[EpochIndex(*key)]["image"]


def test_an_item_depends_on_seed_pass_and_item_alone():
    data = dataset()
    first = draw(data, 2, 5)
    for other in ((2, 6), (3, 5), (0, 0)):
        assert not torch.equal(draw(data, *other) - other[1], first - 5)  # other noise
    assert torch.equal(draw(data, 2, 5), first)  # whatever was drawn in between
    assert not torch.equal(draw(dataset(seed=4), 2, 5), first)
    assert torch.equal(data[5]["image"], draw(data, 0, 5))


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_batches_do_not_depend_on_workers_or_where_a_pass_begins(num_workers):
    data = dataset()
    sampler = EpochSampler(data, seed=1)
    loader = DataLoader(data, batch_size=3, sampler=sampler, num_workers=num_workers)
    sampler.set_position(4)
    whole = [batch["image"] for batch in loader]
    expected = torch.stack([draw(data, *key) for key in sampler])
    assert torch.equal(torch.cat([b.as_tensor() if hasattr(b, "as_tensor") else b for b in whole]), expected)
    sampler.set_position(4, start=6)
    assert torch.equal(torch.stack([draw(data, *key) for key in sampler]), expected[6:])


def test_every_pass_is_another_permutation_of_all_items():
    sampler = EpochSampler(range(50), seed=0)
    orders = []
    for epoch in range(3):
        sampler.set_position(epoch)
        keys = list(sampler)
        assert {key.epoch for key in keys} == {epoch}
        orders.append([key.item for key in keys])
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert [key.item for key in EpochSampler(range(50), shuffle=False)] == list(range(50))


def test_only_what_precedes_the_boundary_is_cached():
    loads = []
    data = dataset(loads=loads)
    for _ in range(3):
        data[0]
    assert len(loads) == 12  # once per item, while the cache was filled


def test_processes_share_a_pass_without_overlap():
    parts = [[k.item for k in EpochSampler(range(11), seed=2, rank=rank, num_replicas=2)] for rank in range(2)]
    assert [len(part) for part in parts] == [5, 5]
    assert len({*parts[0], *parts[1]}) == 10


@pytest.mark.parametrize(
    ("count", "world", "size"), [(12, 2, 2), (11, 2, 2), (11, 3, 2), (7, 2, 4), (13, 2, 2), (16, 3, 2)]
)
def test_processes_share_every_batch_of_a_single_process(count, world, size):
    """Batch by batch the same items, all processes equally often; only a last batch too small for all is left out."""

    def batches(rank, world, size):
        sampler = EpochSampler(range(count), seed=2, rank=rank, num_replicas=world, batch_size=size)
        sampler.set_position(3)
        return [[key.item for key in batch] for batch in BatchSampler(sampler, size, drop_last=False)]

    whole = batches(0, 1, size * world)
    if len(whole[-1]) < world:
        whole.pop()
    parts = [batches(rank, world, size) for rank in range(world)]
    assert {len(part) for part in parts} == {len(whole)}
    assert [sorted(item for part in parts for item in part[i]) for i in range(len(whole))] == [sorted(b) for b in whole]


def test_fewer_items_than_processes_are_refused():
    with pytest.raises(InputError, match="2 training images for 3 processes"):
        EpochSampler(range(2), rank=0, num_replicas=3)
