# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose
from scipy import stats

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import (
    ChallengeDegradation,
    ChallengeDegradationd,
    Degradationd,
    DownsampleDegradation,
    DownsampleDegradationd,
    GaussianDegradation,
    GaussianDegradationd,
    RandChallengeDegradation,
    RandChallengeDegradationd,
    RandDegradationd,
    RandGaussianDegradation,
    RandGaussianDegradationd,
    RandSpeckleDegradation,
    RandSpeckleDegradationd,
    SpeckleDegradation,
    SpeckleDegradationd,
    stable_seed,
)

# each dictionary twin with its array twin, and arguments for both that are not the defaults
FIXED = [
    (GaussianDegradationd, GaussianDegradation, {"sigma": 0.15, "clip": False}),
    (SpeckleDegradationd, SpeckleDegradation, {"sigma": 0.2, "gamma": 0.8, "clip": False}),
    (
        ChallengeDegradationd,
        ChallengeDegradation,
        {"sigma": 0.2, "rate": 0.05, "kernel_size": 5, "blur_sigma": 1.0, "clip": False},
    ),
    (DownsampleDegradationd, DownsampleDegradation, {"scale_factor": 4, "mode": "bicubic"}),
]
RANDOM = [
    (RandGaussianDegradationd, RandGaussianDegradation, *FIXED[0][1:]),
    (RandSpeckleDegradationd, RandSpeckleDegradation, *FIXED[1][1:]),
    (RandChallengeDegradationd, RandChallengeDegradation, *FIXED[2][1:]),
]


def item(name: str, size: int = 48) -> dict:
    return {
        "id": name,
        "image": MetaTensor(torch.full((1, size, size), 0.5)),
        "label": torch.full((1, size, size), 0.5),
    }


def test_the_seed_is_a_hash_that_no_interpreter_salts() -> None:
    digest = hashlib.blake2b(b"7:patient0001_2CH_ED", digest_size=4).digest()
    assert stable_seed(7, "patient0001_2CH_ED") == int.from_bytes(digest, "little")
    assert 0 <= stable_seed(0, "") < 2**32


@pytest.mark.parametrize(("twin", "array", "options"), FIXED)
def test_a_fixed_twin_hands_on_its_arguments_and_the_ids_seed(twin: type, array: type, options: dict) -> None:
    transform = twin("image", **options)
    assert isinstance(transform, Degradationd) and transform.degradation.parameters() == options
    seed = stable_seed(0, "a") if array.seeded else 0
    assert torch.equal(transform(item("a"))["image"], array(**options)(item("a")["image"], seed))
    if array.seeded:
        other = twin("image", **options, seed=5, id_key="name")({**item("a"), "name": "b"})["image"]
        assert torch.equal(other, array(**options)(item("a")["image"], stable_seed(5, "b")))


@pytest.mark.parametrize(("twin", "array", "fixed", "options"), RANDOM)
def test_a_random_twin_hands_on_its_arguments_and_draws(twin: type, array: type, fixed: type, options: dict) -> None:
    options = {**options, "sigma": (0.1, 0.3)}
    transform, alike = (
        twin("image", **options).set_random_state(3),
        array(**options).set_random_state(3),
    )
    assert isinstance(transform, RandDegradationd)
    out, again = (transform(item("a"))["image"] for _ in range(2))
    assert torch.equal(out, alike(item("a")["image"])) and not torch.equal(out, again)
    record = out.meta["degradation"]
    assert 0.1 <= record["sigma"] <= 0.3 and record["sigma"] != again.meta["degradation"]["sigma"]
    drawn = {key: record[key] for key in record if key not in ("degradation", "seed")}
    assert {**drawn, "sigma": (0.1, 0.3)} == options
    assert torch.equal(out, fixed(**drawn)(item("a")["image"], record["seed"]))


@pytest.mark.parametrize(("twin", "array", "options"), FIXED[:3])
def test_noise_belongs_to_the_id_not_to_the_order(twin: type, array: type, options: dict) -> None:
    names = [f"p{i}" for i in range(6)]
    fixed = twin("image", **options)
    forward = {n: fixed(item(n))["image"] for n in names}
    backward = {n: twin("image", **options)(item(n))["image"] for n in reversed(names)}
    assert all(torch.equal(forward[n], backward[n]) for n in names)
    assert not any(torch.equal(forward[a], forward[b]) for a, b in itertools.pairwise(names))


def test_workers_and_batches_change_nothing() -> None:
    names = [f"p{i}" for i in range(6)]
    transform = GaussianDegradationd("image", 0.1)
    expected = torch.stack([transform(item(n))["image"].as_tensor() for n in names])
    loader = DataLoader(Dataset([item(n) for n in names], transform), batch_size=4, num_workers=2)
    got = torch.cat([batch["image"].as_tensor() for batch in loader])
    assert torch.equal(got, expected)


def test_different_ids_and_seeds_get_independent_noise() -> None:
    def noise(name: str, seed: int) -> np.ndarray:
        out = GaussianDegradationd("image", 0.1, clip=False, seed=seed)(item(name, 128))["image"]
        return (out.numpy() - 0.5).ravel()

    samples = [noise("a", 0), noise("b", 0), noise("a", 1)]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(stats.pearsonr(samples[i], samples[j]).statistic) < 4 / 128


def test_the_label_stays_clean() -> None:
    out = GaussianDegradationd("image", 0.1)(item("a"))
    assert (out["label"] == 0.5).all() and not (out["image"] == 0.5).any()


def test_an_item_without_id_uses_the_name_of_its_file_and_its_frame() -> None:
    def degraded(path: str, frame: int = -1) -> torch.Tensor:
        image = MetaTensor(torch.full((1, 16, 16), 0.5), meta={"filename_or_obj": path, "frame": frame})
        return GaussianDegradationd("image", 0.1)({"image": image})["image"].as_tensor()

    assert torch.equal(degraded("/here/a.nii.gz"), degraded("/there/a.nii.gz"))
    assert not torch.equal(degraded("/here/a.nii.gz"), degraded("/here/b.nii.gz"))
    assert not torch.equal(degraded("/here/a.nii.gz", 0), degraded("/here/a.nii.gz", 1))


def test_an_item_that_nobody_can_name_is_refused() -> None:
    with pytest.raises(InputError, match="'id'"):
        GaussianDegradationd("image", 0.1)({"image": torch.zeros(1, 4, 4)})


def test_one_random_draw_serves_all_keys() -> None:
    out = RandGaussianDegradationd(["image", "label"], (0.1, 0.2)).set_random_state(0)(item("a"))
    assert torch.equal(out["image"].as_tensor(), torch.as_tensor(out["label"]))


def test_random_noise_is_new_at_every_call_and_seeded_by_the_pipeline() -> None:
    def run(seed: int) -> list[torch.Tensor]:
        pipeline = Compose([RandGaussianDegradationd("image", 0.1)]).set_random_state(seed)
        return [pipeline(item("a"))["image"].as_tensor() for _ in range(2)]

    first, again, other = run(1), run(1), run(2)
    assert not torch.equal(first[0], first[1])
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_missing_keys_are_an_error_unless_allowed() -> None:
    with pytest.raises(KeyError):
        GaussianDegradationd(["image", "other"], 0.1)(item("a"))
    assert "other" not in GaussianDegradationd(["image", "other"], 0.1, allow_missing_keys=True)(item("a"))
