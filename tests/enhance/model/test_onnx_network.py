# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime in the place of PyTorch: the same pixels, or one sentence."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_bundles import IDENTITY, SRRESNET, image_format, write_bundle
from torch import nn

from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.enhance.model.onnx_network import OnnxNetwork, in_onnx
from monai_gradprom.errors import InputError
from monai_gradprom.inferers import HaloInferer
from monai_gradprom.networks import SRResNet

BUNDLES = Path(__file__).parents[3] / "bundles"
RANGE = (0.0, 255.0)


@pytest.fixture(autouse=True)
def packages():
    for package in ("onnxscript", "onnxruntime"):
        pytest.importorskip(package)


@pytest.mark.parametrize(
    ("bundle", "settings"),
    [
        ("camus_denoise", {}),
        pytest.param("covidct_denoise", {}, marks=pytest.mark.slow),
        pytest.param("isic2018_denoise", {}, marks=pytest.mark.slow),
        pytest.param("lizard_sr", {}, marks=pytest.mark.slow),
        pytest.param("lizard_sr", {"scale_factor": "4"}, marks=pytest.mark.slow),
    ],
)
def test_the_shipped_bundles_give_the_same_pixels(bundle, settings):
    assert_same_pixels(BUNDLES / bundle, settings)


def test_super_resolution_gives_the_same_pixels(tmp_path):
    options = {key: value for key, value in SRRESNET.items() if key != "_target_"}
    weights = SRResNet(**options).state_dict()
    assert_same_pixels(write_bundle(tmp_path / "bundle", SRRESNET, weights), {})


def assert_same_pixels(folder, settings):
    """Frames alone, in batches and in tiles."""
    plain = BundleNetwork.load(folder, "cpu", settings)
    exported = BundleNetwork.load(folder, "cpu", settings, runtime="onnx")
    assert isinstance(exported._network, OnnxNetwork) and exported.factor == plain.factor
    channels = plain.domain.channels
    given = [np.random.default_rng(0).uniform(*RANGE, (n, channels, 61, 90)).astype(np.float32) for n in (2, 1)]
    expected = plain.infer(given, [RANGE] * 2)
    for batch_size, tile_size in ((1, None), (4, None), (2, 48)):
        exported._inferer.tile_size = tile_size
        for one, made in zip(expected, exported.infer(given, [RANGE] * 2, batch_size), strict=True):
            assert np.abs(made - one).max() < 1e-4 * 255
    if plain.factor == 1:  # not the identity
        assert np.abs(expected[0] - given[0]).mean() > 0.001 * 255


def test_one_and_three_channels(tmp_path):
    folder = write_bundle(tmp_path / "bundle", IDENTITY, metadata=image_format(num_channels="*"))
    network = BundleNetwork.load(folder, runtime="onnx")
    for channels in (1, 3):
        given = np.random.default_rng(0).random((2, channels, 20, 30), np.float32)
        np.testing.assert_array_equal(network.infer([given], [(0.0, 1.0)])[0], given)


class Moody(nn.Module):
    """Each call is another network."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return x + 1e-3 * self.calls


class Choosy(nn.Module):
    """What it does depends on the pixels."""

    def forward(self, x):
        return x + 1 if x.mean() > 0.4 else x


class Sized(nn.Module):
    """Takes one size only."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(32, 32))

    def forward(self, x):
        return x * self.weight


@pytest.mark.parametrize(
    ("network", "words"),
    [(Moody(), r"pixels differ .* use --runtime torch"), (Choosy(), "Choosy cannot be exported"), (Sized(), "Sized")],
)
def test_what_is_not_the_same_network_is_refused(network, words, capsys):
    with pytest.raises(InputError, match=words) as error:
        in_onnx(network.eval(), HaloInferer(), [torch.rand(1, 32, 32), torch.rand(1, 24, 40)])
    assert "\n" not in str(error.value) and capsys.readouterr() == ("", "")


def test_it_declares_what_inferers_ask_for_and_fails_as_pytorch_does():
    network = nn.Conv2d(1, 1, 3, padding=1)
    network.receptive_radius, network.size_multiple = 1, 4
    exported = in_onnx(network.eval(), HaloInferer(), [torch.rand(1, 32, 32)])
    assert (exported.receptive_radius, exported.size_multiple) == (1, 4)
    with pytest.raises(RuntimeError):
        exported(torch.rand(1, 2, 32, 32))


@pytest.mark.parametrize(
    ("options", "missing", "words"),
    [
        ({"runtime": "onnx"}, "onnxscript", r'needs onnxscript, .* pip install "monai-gradprom\[onnx\]"'),
        ({"runtime": "onnx", "device": "cuda"}, None, "--device cuda"),
        ({"runtime": "onnx", "precision": "float16"}, None, "--precision float16"),
        ({"runtime": "tensorrt"}, None, "--runtime 'tensorrt'"),
    ],
)
def test_what_cannot_be_had_is_said_before_anything_is_loaded(tmp_path, monkeypatch, options, missing, words):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == missing else found(name, *more)
    )
    with pytest.raises(InputError, match=words) as error:
        BundleNetwork.load(tmp_path / "nothing", **options)
    assert "\n" not in str(error.value)
