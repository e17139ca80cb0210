# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import get_degradation, replay


def item(name: str = "a") -> dict:
    generator = torch.Generator().manual_seed(3)
    return {"id": name, "image": MetaTensor(torch.rand(1, 24, 20, generator=generator))}


@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("clip", [False, True])
def test_a_record_replays_the_identical_image(random: bool, clip: bool) -> None:
    clean = item()["image"]
    out = get_degradation("gaussian", "image", 0.15, random=random, clip=clip)(item())["image"]
    assert torch.equal(replay(clean, out.meta["degradation"]), out)
    assert torch.equal(replay(clean, json.loads(json.dumps(out.meta["degradation"]))), out)  # kept in a file


def test_a_record_survives_a_batch() -> None:
    transform = get_degradation("gaussian", "image", (0.1, 0.3), random=True)
    batch = list_data_collate([transform(item("a")), transform(item("b"))])
    for out in decollate_batch(batch):
        assert torch.equal(replay(item()["image"], out["image"].meta["degradation"]), out["image"])


def test_none_is_the_identity() -> None:
    out = get_degradation("none", "image", 0.3)(item())
    assert torch.equal(out["image"], item()["image"])


def test_seed_and_randomness_are_passed_on() -> None:
    def run(**options: object) -> torch.Tensor:
        return get_degradation("gaussian", "image", 0.1, **options)(item())["image"].as_tensor()

    assert torch.equal(run(seed=1), run(seed=1))
    assert not torch.equal(run(seed=1), run(seed=2))
    assert not torch.equal(run(random=True), run(random=True))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'gaussian'"):
        get_degradation("gausian")
    with pytest.raises(InputError, match="degradation 'rain'"):
        replay(item()["image"], {"degradation": "rain"})


def test_noise_that_is_fixed_needs_one_sigma() -> None:
    with pytest.raises(InputError, match="sigma"):
        get_degradation("gaussian", "image", (0.1, 0.2), random=False)
