# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import Counter

import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose, Lambdad, RandGaussianNoised

from monai_gradprom.datasets import EpochIndex, EpochSampler, GuidedDataset, ReplayableDataset
from monai_gradprom.errors import InputError


def noisy():
    fill = Lambdad("image", lambda value: torch.full((1, 4, 4), float(value)))
    return Compose([fill, RandGaussianNoised("image", prob=1.0, std=0.01)])


def guided(seed=3, guides=5, items=12):
    low = [{"image": i, "id": f"low{i}"} for i in range(items)]
    high = [{"image": 100 + i, "id": f"high{i}"} for i in range(guides)]
    return GuidedDataset(low, noisy(), high, noisy(), seed=seed, progress=False)


def draws(data, passes):
    return [data[EpochIndex(epoch, item)] for epoch in range(passes) for item in range(len(data))]


def test_a_guide_is_a_function_of_seed_pass_and_item():
    data = guided()
    first = draws(data, 3)
    assert all(out["guide_id"] == f"high{round(out['guide'].mean().item()) - 100}" for out in first)
    backwards = [data[EpochIndex(epoch, item)] for epoch in (2, 1, 0) for item in range(11, -1, -1)]
    for out, again in zip(reversed(first), backwards, strict=True):
        assert out["guide_id"] == again["guide_id"] and torch.equal(out["guide"], again["guide"])
    ids = [out["guide_id"] for out in first]
    assert ids[:12] != ids[12:24] != ids[24:]  # another pass, another guide
    assert ids != [out["guide_id"] for out in draws(guided(seed=4), 3)]
    assert torch.equal(data[5]["guide"], first[5]["guide"])  # a plain index is of pass 0


def test_every_guide_is_as_likely():
    counts = Counter(out["guide_id"] for out in draws(guided(), 100))
    # 1200 draws among 5: 240 each, standard deviation sqrt(1200 * 0.2 * 0.8) = 13.9
    assert len(counts) == 5 and max(abs(count - 240) for count in counts.values()) < 4 * 13.9


def test_a_guide_that_is_drawn_again_is_transformed_anew():
    seen = [out["guide"] for out in draws(guided(guides=1), 2)]
    assert len({tensor.sum().item() for tensor in seen}) == len(seen) == 24


def test_the_items_are_those_of_the_replayable_dataset():
    data = guided()
    plain = ReplayableDataset(data.data, noisy(), seed=3, progress=False)
    for key in (EpochIndex(0, 3), EpochIndex(4, 11)):
        assert torch.equal(data[key]["image"], plain[key]["image"])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_workers_and_resuming_change_nothing(num_workers):
    data = guided()
    sampler = EpochSampler(data, seed=1)
    loader = DataLoader(data, batch_size=4, sampler=sampler, num_workers=num_workers)
    sampler.set_position(2)
    expected = [data[key] for key in sampler]
    sampler.set_position(2, start=4)  # as after an interruption
    resumed = list(loader)
    assert [name for batch in resumed for name in batch["guide_id"]] == [out["guide_id"] for out in expected[4:]]
    assert torch.equal(
        torch.cat([batch["guide"] for batch in resumed]), torch.stack([out["guide"] for out in expected[4:]])
    )


def test_sides_that_cannot_be():
    with pytest.raises(InputError, match="no high-quality image to guide by"):
        guided(guides=0)
    shared = [{"image": "a.png", "frame": 2}]
    GuidedDataset([{"image": "a.png", "frame": 1}], None, [{"image": "b.png"}], None, cache_num=0)
    with pytest.raises(InputError, match=r"a\.png: is among the low-quality and the high-quality images"):
        GuidedDataset(shared, None, shared, None, cache_num=0)
