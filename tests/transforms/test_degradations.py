# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import (
    DEGRADATIONS,
    ChallengeDegradation,
    DownsampleDegradation,
    GaussianDegradation,
    PerceptualDegradation,
    SpeckleDegradation,
    get_degradation,
    replay,
    stable_seed,
)

SETTINGS = {
    "gaussian": {"sigma": 0.15},
    "speckle": {"sigma": 0.15},
    "challenge": {"sigma": 0.15},
    "perceptual": {"sigma": 0.15},
    "downsample": {"scale_factor": 2, "downsampling": "bicubic"},
}


def item(name: str = "a") -> dict:
    generator = torch.Generator().manual_seed(3)
    return {"id": name, "image": MetaTensor(torch.rand(1, 24, 20, generator=generator))}


@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_record_replays_the_identical_image(name: str, random: bool, clip: bool) -> None:
    clean = item()["image"]
    out = get_degradation(name, "image", random=random, clip=clip, **SETTINGS[name])(item())["image"]
    assert not torch.equal(out.as_tensor(), clean.as_tensor())
    assert name == "downsample" or out.meta["degradation"]["clip"] == clip
    assert torch.equal(replay(clean, out.meta["degradation"]), out)
    assert torch.equal(replay(clean, json.loads(json.dumps(out.meta["degradation"]))), out)  # kept in a file


@pytest.mark.parametrize("name", SETTINGS)
def test_a_record_survives_a_batch(name: str) -> None:
    options = SETTINGS[name] if name == "downsample" else {"sigma": (0.1, 0.3)}
    transform = get_degradation(name, "image", random=True, **options)
    batch = list_data_collate([transform(item("a")), transform(item("b"))])
    for out in decollate_batch(batch):
        assert torch.equal(replay(item()["image"], out["image"].meta["degradation"]), out["image"])


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("gaussian", GaussianDegradation(0.15)),
        ("speckle", SpeckleDegradation(0.15, gamma=0.5)),
        ("challenge", ChallengeDegradation(0.15, rate=0.1, kernel_size=3, blur_sigma=2.0)),
        ("perceptual", PerceptualDegradation((0.1, 0.8), (0.1, 0.8), 0.15, "gaussian")),
        ("downsample", DownsampleDegradation(2, "bicubic")),
    ],
)
def test_the_name_chooses(name: str, twin: object) -> None:
    out = get_degradation(name, "image", seed=4, **SETTINGS[name])(item("p"))["image"]
    assert torch.equal(out, twin(item("p")["image"], stable_seed(4, "p")))
    assert (*SETTINGS, "none") == DEGRADATIONS


@pytest.mark.parametrize("name", ["gaussian", "speckle", "challenge", "perceptual", "none"])
def test_a_scale_factor_without_downsampling_names_the_switch(name: str) -> None:
    with pytest.raises(InputError, match="--degradation downsample"):
        get_degradation(name, scale_factor=2)


@pytest.mark.parametrize("factor", [1, 3])
def test_downsampling_without_a_scale_factor_names_the_switch(factor: int) -> None:
    with pytest.raises(InputError, match="--degradation downsample --scale_factor 2"):
        get_degradation("downsample", scale_factor=factor)


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
    with pytest.raises(InputError, match="did you mean 'area'"):
        get_degradation("gaussian", downsampling="areal")
    with pytest.raises(InputError, match="degradation 'rain'"):
        replay(item()["image"], {"degradation": "rain"})


def test_noise_that_is_fixed_needs_one_sigma() -> None:
    with pytest.raises(InputError, match="sigma"):
        get_degradation("gaussian", "image", (0.1, 0.2), random=False)
