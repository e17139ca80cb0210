# SPDX-License-Identifier: Apache-2.0
"""Dark, flat and noisy: each step by hand in float64, the drawn strengths, the record and the batch."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image, ImageEnhance
from scipy import stats

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import (
    BatchDegradation,
    PerceptualDegradation,
    PerceptualDegradationd,
    RandPerceptualDegradation,
    RandPerceptualDegradationd,
    get_batch_degradation,
    get_degradation,
    replay,
    stable_seed,
)
from monai_gradprom.transforms.batch_degradation import DRAWN

SHAPES = [(1, 20, 14), (3, 20, 14), (4, 9, 8), (1, 6, 7, 5), (3, 6, 7, 5)]
SETTLED = {"brightness": 0.6, "contrast": 0.3, "sigma": 0.02}


def image(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def by_hand(x, seed, brightness, contrast, sigma, noise):
    """Strengths are three numbers of the stream, then comes the noise."""
    random = np.random.RandomState(seed)
    drawn = []
    for pair in (brightness, contrast, sigma):
        low, high = pair if isinstance(pair, tuple) else (pair, pair)
        drawn.append(low + (high - low) * random.random_sample())
    dark = drawn[0] * x
    grey = 0.299 * dark[0] + 0.587 * dark[1] + 0.114 * dark[2] if len(x) == 3 else dark
    n = random.standard_normal(x.shape) if noise == "gaussian" else random.random_sample(x.shape)
    return drawn, drawn[1] * dark + (1 - drawn[1]) * grey.mean() + drawn[2] * n


@pytest.mark.parametrize("noise", ["gaussian", "uniform"])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_brightness_contrast_and_noise(shape, noise):
    x = image(shape)
    options = {"brightness": (0.2, 0.7), "contrast": (0.1, 0.5), "sigma": (0.01, 0.3)}
    drawn, expected = by_hand(x, 9, **options, noise=noise)
    got = PerceptualDegradation(**options, noise=noise, clip=False)(MetaTensor(x), 9)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-12)
    record = got.meta["degradation"]
    assert [record[name] for name in options] == pytest.approx(drawn, abs=1e-15)
    settled = {name: record[name] for name in options}
    assert record == {"degradation": "perceptual", "noise": noise, "clip": False, "seed": 9, **settled}
    clipped = PerceptualDegradation(**options, noise=noise)(torch.from_numpy(x), 9)
    np.testing.assert_allclose(clipped.numpy(), expected.clip(0, 1), atol=1e-12)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_brightness_and_contrast_are_pillows_in_either_order(mode):
    """On 8-bit images Pillow rounds after each step; torchvision's ColorJitter, which the authors use, calls it."""
    pixels = (255 * image((40, 30, 3) if mode == "RGB" else (40, 30))).astype(np.uint8)
    x = pixels.reshape(40, 30, -1).transpose(2, 0, 1) / 255
    got = PerceptualDegradation(0.7, 0.4, 0)(torch.from_numpy(x), 0).numpy()
    picture = Image.fromarray(pixels)
    first = ImageEnhance.Contrast(ImageEnhance.Brightness(picture).enhance(0.7)).enhance(0.4)
    second = ImageEnhance.Brightness(ImageEnhance.Contrast(picture).enhance(0.4)).enhance(0.7)
    for reference in (first, second):
        expected = np.asarray(reference).reshape(40, 30, -1).transpose(2, 0, 1) / 255
        assert np.abs(got - expected).max() < 3 / 255


def test_without_noise_mean_and_spread_are_scaled():
    x = torch.from_numpy(image((1, 64, 64)))
    out = PerceptualDegradation(0.5, 0.25, 0)(x, 3)
    assert out.mean().item() == pytest.approx(0.5 * x.mean().item())
    assert out.std().item() == pytest.approx(0.5 * 0.25 * x.std().item())
    assert torch.equal(PerceptualDegradation(1, 1, 0)(x, 3), x)
    assert PerceptualDegradation(1, 0, 0)(x, 3).std() < 1e-12


@pytest.mark.parametrize(
    ("noise", "mean", "deviation"), [("gaussian", 0, 0.1), ("uniform", 0.1 / 2, 0.1 / np.sqrt(12))]
)
def test_the_noise_has_the_stated_statistics(noise, mean, deviation):
    grey = torch.full((3, 150, 150), 0.5, dtype=torch.float64)
    added = (PerceptualDegradation(1, 1, 0.1, noise)(grey, 4) - grey).numpy()
    law = ("norm", (0, 0.1)) if noise == "gaussian" else ("uniform", (0, 0.1))
    assert stats.kstest(added.ravel(), law[0], args=law[1]).pvalue > 1e-3
    assert abs(added.mean() - mean) < 4 * deviation / np.sqrt(added.size)
    assert added.std() == pytest.approx(deviation, rel=0.02)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(stats.pearsonr(added[i].ravel(), added[j].ravel()).statistic) < 4 / 150


def test_by_default_strengths_are_the_released_codes_and_belong_to_the_seed():
    tiny = MetaTensor(torch.full((1, 2, 2), 0.5))
    records = [PerceptualDegradation()(tiny, seed).meta["degradation"] for seed in range(300)]
    for name, low, high in (("brightness", 0.1, 0.8), ("contrast", 0.1, 0.8), ("sigma", 0, 0.0316227766 / 2)):
        values = np.array([record[name] for record in records])
        assert stats.kstest(values, "uniform", args=(low, high - low)).pvalue > 1e-3
    strengths = [[record["brightness"], record["contrast"]] for record in records]
    assert abs(np.corrcoef(strengths, rowvar=False)[0, 1]) < 4 / np.sqrt(300)
    again = PerceptualDegradation()(tiny, 7).meta["degradation"]
    assert again == records[7]


@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("noise", ["gaussian", "uniform"])
def test_a_record_replays_the_identical_image(noise, random):
    item = {"id": "a", "image": MetaTensor(torch.from_numpy(image((3, 12, 10))).float())}
    out = get_degradation("perceptual", "image", (0.01, 0.2), random=random, noise=noise)(item)["image"]
    record = json.loads(json.dumps(out.meta["degradation"]))
    assert all(isinstance(record[name], float) for name in SETTLED)
    assert torch.equal(replay(item["image"], record), out) and not torch.equal(out, item["image"])
    assert "degradation" not in item["image"].meta


def test_array_and_dictionary_twins_agree():
    x = MetaTensor(torch.from_numpy(image((3, 12, 10))))
    item = {"id": "p", "image": x, "other": x.clone()}
    array = PerceptualDegradation(**SETTLED)(x, stable_seed(4, "p"))
    assert torch.equal(PerceptualDegradationd("image", **SETTLED, seed=4)(item)["image"], array)
    named = get_degradation("perceptual", "image", 0.02, seed=4, brightness=0.6, contrast=0.3)
    assert torch.equal(named(item)["image"], array)
    options = {"brightness": (0.2, 0.9), "sigma": (0.0, 0.1), "noise": "uniform"}
    rand = RandPerceptualDegradation(**options).set_random_state(3)(x)
    both = RandPerceptualDegradationd(["image", "other"], **options).set_random_state(3)(item)
    assert torch.equal(both["image"], rand) and torch.equal(both["other"], rand)
    named = get_degradation("perceptual", "image", (0.0, 0.1), True, brightness=(0.2, 0.9), noise="uniform")
    assert torch.equal(named.set_random_state(3)(item)["image"], rand)


def test_same_seed_same_image_and_another_seed_another():
    x = torch.from_numpy(image((1, 12, 10)))
    first, again, other = (PerceptualDegradation()(x, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=1e-3)
    rand = RandPerceptualDegradation()
    drawn = rand(x)
    assert torch.equal(rand(x, randomize=False), drawn) and not torch.equal(rand(x), drawn)


@pytest.mark.parametrize("noise", ["gaussian", "uniform"])
def test_a_batch_has_the_per_image_strengths_and_noise_of_the_same_law(noise):
    """Without noise the batch is what the images are alone; with it, the noise alone differs."""
    images = torch.from_numpy(image((3, 3, 60, 50))).float()
    seeds, options = [11, 2**32 - 1, 5], {"brightness": (0.2, 0.9), "contrast": (0.1, 0.8), "noise": noise}
    draws = {"sigma": torch.zeros(3, dtype=torch.float64), "seed": torch.tensor(seeds)}
    degrade = get_batch_degradation("perceptual", **options)
    found = degrade({"image": images, DRAWN: draws})["image"]
    alone = [PerceptualDegradation(**options, sigma=0)(x, seed) for x, seed in zip(images, seeds, strict=True)]
    torch.testing.assert_close(found, torch.stack(alone), atol=1e-6, rtol=0)
    unclipped = BatchDegradation(PerceptualDegradation(**options, clip=False))
    draws["sigma"] = torch.tensor([0.02, 0.1, 0.2], dtype=torch.float64)
    added = (unclipped({"image": images, DRAWN: draws})["image"] - found).double().numpy()
    for values, sigma in zip(added, (0.02, 0.1, 0.2), strict=True):
        law = ("norm", (0, sigma)) if noise == "gaussian" else ("uniform", (0, sigma))
        assert stats.kstest(values.ravel(), law[0], args=law[1]).pvalue > 1e-3
    one = unclipped({"image": images[1:2], DRAWN: {name: value[1:2] for name, value in draws.items()}})["image"]
    torch.testing.assert_close(one[0] - found[1], torch.from_numpy(added[1]).float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"brightness": -0.1}, "brightness is -0.1"),
        ({"brightness": (0.5, 1.5)}, "brightness"),
        ({"contrast": (0.8, 0.1)}, "contrast"),
        ({"contrast": "flat"}, "contrast is 'flat'"),
        ({"sigma": -1}, "sigma"),
        ({"noise": "gausian"}, "did you mean 'gaussian'"),
    ],
)
def test_unusable_parameters_are_refused_at_once(options, words):
    for transform in (PerceptualDegradation, RandPerceptualDegradation):
        with pytest.raises(InputError, match=words):
            transform(**options)


def test_an_unscaled_image_is_refused():
    with pytest.raises(ValueError, match="ScaleStoredRange"):
        PerceptualDegradation()(torch.zeros(1, 4, 4, dtype=torch.uint8), 0)
