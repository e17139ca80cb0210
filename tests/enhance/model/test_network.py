# SPDX-License-Identifier: Apache-2.0
"""A bundle's network between units and units."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.inferers import SlidingWindowInferer
from tiny_bundles import (
    LOAD,
    SCALE,
    SHIFT,
    SRRESNET,
    composed,
    image_format,
    shift_by,
    write_bundle,
)
from torch import nn

from monai_gradprom.enhance.model.frame_transforms import FrameTransforms
from monai_gradprom.enhance.model.network import BundleNetwork
from monai_gradprom.errors import InputError
from monai_gradprom.networks import DPENet, SRResNet

BUNDLES = Path(__file__).parents[3] / "bundles"


def units(*shape, low=-50.0, high=200.0):
    return np.random.default_rng(0).uniform(low, high, shape).astype(np.float32)


def load(tmp_path, *, settings=None, tile_size=None, **bundle):
    return BundleNetwork.load(write_bundle(tmp_path / "bundle", **bundle), "cpu", settings or {}, tile_size)


def random_weights(**options):
    network = SRResNet(**{key: value for key, value in SRRESNET.items() if key != "_target_"} | options)
    return network.state_dict()


class Spy(nn.Module):
    """Doubles its input and remembers what it was given."""

    receptive_radius = 0

    def __init__(self):
        super().__init__()
        self.shapes = []

    def forward(self, x):
        self.shapes.append(tuple(x.shape))
        return 2 * x


# --- units to units ---------------------------------------------------------------------------------------------------


def test_a_network_that_changes_nothing_gives_back_every_bit(tmp_path):
    network = load(tmp_path)
    given = [units(3, 1, 20, 30), units(2, 1, 60, 50), units(1, 1, 20, 30) * 1e-3]
    made = network.infer(given, [(0.0, 100.0), (-7.3, 11.1), (0.1, 0.2)], batch_size=2)
    for before, after in zip(given, made, strict=True):
        assert after.dtype == np.float32 and after.tobytes() == before.tobytes()


class InPlace(nn.Module):
    """Halves what it is given, and then spoils it."""

    def forward(self, x):
        y = x / 2
        x.zero_()
        return y


@pytest.mark.parametrize("shapes", [[(8, 9)], [(8, 9), (6, 5)]])
def test_a_network_may_work_in_place(tmp_path, shapes):
    network = load(tmp_path)
    network._network = InPlace()
    given = [np.full((2, 1, *shape), 50, np.float32) for shape in shapes]
    for made in network.infer(given, [(0.0, 100.0)] * len(shapes), batch_size=4):
        assert (made == 25).all()


def test_frames_without_a_change_among_others(tmp_path):
    """The network sees 0.2 and 0.6 and changes what is below a half; unchanged files are not even copied."""
    network = load(tmp_path, network={"_target_": "torch.nn.Threshold", "threshold": 0.5, "value": 1.0})
    bright, dark = (np.full((1, 1, 4, 5), value, np.float32) for value in (60, 20))
    mixed = np.concatenate([bright, dark, bright]).transpose(0, 1, 3, 2)
    for batch_size in (1, 8):
        made = network.infer([mixed, bright], [(0.0, 100.0)] * 2, batch_size)
        np.testing.assert_allclose(made[0][:, 0, 0, 0], [60, 100, 60])
        np.testing.assert_array_equal(mixed[:, 0, 0, 0], [60, 20, 60])
        assert made[1].tobytes() == bright.tobytes()
    assert made[0].strides == mixed.strides and network.infer([bright], [(0.0, 100.0)])[0] is bright


def test_a_change_is_counted_in_windows_and_clipping_does_not_hurt(tmp_path):
    network = load(tmp_path, network=SHIFT, weights=shift_by(0.25))
    given = units(2, 1, 8, 9)
    made = network.infer([given], [(0.0, 100.0)], batch_size=4)[0]
    np.testing.assert_allclose(made, given + 25, atol=1e-4)  # values outside the window, too


def test_a_window_of_one_value_is_no_fault(tmp_path):
    given = np.full((1, 1, 4, 4), 7, np.float32)
    assert (load(tmp_path).infer([given], [(7.0, 7.0)])[0] == 7).all()


def test_super_resolution_is_the_networks_result_in_units(tmp_path):
    weights = random_weights()
    network = load(tmp_path, network=SRRESNET, weights=weights)
    assert network.factor == 2
    given = units(2, 1, 12, 10, low=-100, high=100)
    reference = SRResNet(channels=4, num_blocks=1, scale_factor=2).eval()
    reference.load_state_dict(weights)
    with torch.no_grad():
        expected = reference(torch.from_numpy(given) / 200 + 0.5) * 200 - 100
    made = network.infer([given], [(-100.0, 100.0)])[0]
    assert made.shape == (2, 1, 24, 20) and made.std() > 1
    np.testing.assert_allclose(made, expected, atol=1e-3)


@pytest.mark.parametrize("options", [{}, {"network": SHIFT, "weights": shift_by(0.1, 0.7)}, {"network": SRRESNET}])
def test_many_frames_at_once_and_metas_long_way_agree_to_the_bit(tmp_path, options):
    if options.get("network") is SRRESNET:
        options = options | {"weights": random_weights()}
    network = load(tmp_path, **options)
    given, windows = [units(3, 1, 12, 11), units(2, 1, 12, 11)], [(-10.0, 99.9), (0.0, 1e-3)]
    fast = network.infer(given, windows, batch_size=4)
    assert network._transforms.plain is not None
    network._transforms.plain = None
    for one, other in zip(fast, network.infer(given, windows, batch_size=4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_value_range_of_the_bundle_stands_instead_of_the_window(tmp_path):
    scale = SCALE | {"value_range": [0, 1000]}
    network = load(tmp_path, network=SHIFT, weights=shift_by(0.1), preprocessing=composed(LOAD, scale))
    given = units(1, 1, 5, 5)
    np.testing.assert_allclose(network.infer([given], [(0.0, 1.0)])[0], given + 100, atol=1e-3)
    network._transforms.plain = None
    np.testing.assert_allclose(network.infer([given], [(0.0, 1.0)])[0], given + 100, atol=1e-3)


def test_volumes(tmp_path):
    network = load(tmp_path, metadata=image_format(num_channels=1, spatial_shape=["*", "*", "*"]))
    given = units(2, 1, 6, 5, 4)
    assert network.spatial_dims == 3
    np.testing.assert_array_equal(network.infer([given], [(0.0, 1.0)])[0], given)


def test_colour(tmp_path):
    weights = random_weights(in_channels=3, out_channels=3)
    network = load(tmp_path, network=SRRESNET | {"in_channels": 3, "out_channels": 3}, weights=weights, metadata={})
    assert network.domain.channels == 3 and network.version == ""  # found by trying
    assert network.infer([units(1, 3, 6, 5)], [(0.0, 9.0)])[0].shape == (1, 3, 12, 10)


def test_no_frames_are_no_fault(tmp_path):
    assert load(tmp_path).infer([units(0, 1, 4, 4)], [(0.0, 1.0)])[0].shape == (0, 1, 4, 4)


# --- batches ----------------------------------------------------------------------------------------------------------


def test_frames_of_one_shape_share_batches_across_files(tmp_path):
    network = load(tmp_path)
    network._network = spy = Spy()
    given = [units(3, 1, 8, 9), units(1, 1, 5, 5), units(2, 1, 8, 9)]
    made = network.infer(given, [(-50.0, 200.0)] * 3, batch_size=4)
    assert spy.shapes == [(4, 1, 8, 9), (1, 1, 8, 9), (1, 1, 5, 5)]
    for before, after in zip(given, made, strict=True):  # 2 x in [0, 1]
        np.testing.assert_allclose(after, 2 * before + 50, atol=1e-3)


def test_batches_of_tiles_are_bounded_too(tmp_path):
    network = load(tmp_path)
    network._network = spy = Spy()
    network._inferer.tile_size = 16
    given = units(3, 1, 40, 30)
    network.infer([given], [(-50.0, 200.0)], batch_size=4)
    assert max(np.prod(shape) for shape in spy.shapes) <= 4 * 16 * 16 and max(s[0] for s in spy.shapes) == 4


class Hungry(Spy):
    """Runs out of memory above a number of images."""

    def __init__(self, most, message="CUDA out of memory. Tried to allocate"):
        super().__init__()
        self.most, self.message = most, message

    def forward(self, x):
        super().forward(x)
        if len(x) > self.most:
            raise RuntimeError(self.message)
        return x


def test_out_of_memory_is_tried_again_frame_by_frame(tmp_path):
    network = load(tmp_path)
    network._network = spy = Hungry(1)
    given = units(3, 1, 8, 8)
    np.testing.assert_array_equal(network.infer([given], [(0.0, 1.0)], batch_size=3)[0], given)
    assert [shape[0] for shape in spy.shapes] == [3, 1, 1, 1]
    network._network = spy = Hungry(1)
    network.infer([units(1, 1, 100, 100)], [(0.0, 1.0)], batch_size=4)  # four tiles, then one by one
    assert [shape[0] for shape in spy.shapes] == [4, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("message", "words"),
    [("DefaultCPUAllocator: can't allocate memory", "smaller tile size"), ("sizes differ", r"\(RuntimeError: sizes")],
)
def test_what_fails_alone_is_told(tmp_path, message, words):
    network = load(tmp_path)
    network._network = Hungry(0, message)
    with pytest.raises(InputError, match=rf"\[1, 8, 9\].*{words}"):
        network.infer([units(2, 1, 8, 9)], [(0.0, 1.0)], batch_size=2)


def test_nan_is_never_returned(tmp_path):
    network = load(tmp_path)
    network._network = Broken()
    with pytest.raises(InputError, match="NaN"):
        network.infer([units(1, 1, 4, 4)], [(0.0, 1.0)])


class Broken(nn.Module):
    def forward(self, x):
        return x / 0 * 0


# --- tiles ------------------------------------------------------------------------------------------------------------


def test_a_tile_size_of_the_callers_own(tmp_path):
    weights = random_weights()
    folder = write_bundle(tmp_path / "bundle", network=SRRESNET, weights=weights)
    given = [units(1, 1, 60, 70)]
    whole = BundleNetwork.load(folder, "cpu", {"inferer#tile_size": "None"}).infer(given, [(0.0, 99.0)])[0]
    tiled = BundleNetwork.load(folder, "cpu", tile_size=40)
    assert tiled._inferer.tile_size == 40
    np.testing.assert_allclose(tiled.infer(given, [(0.0, 99.0)], batch_size=2)[0], whole, atol=1e-2)
    with pytest.raises(InputError, match="receptive radius"):
        BundleNetwork.load(folder, "cpu", tile_size=8)


def test_tiles_of_other_inferers(tmp_path):
    conv = {"network": SHIFT, "weights": shift_by(0.0)}
    with pytest.raises(InputError, match="receptive_radius"):  # known at once, not at the first large image
        load(tmp_path / "a", inferer={"_target_": "SimpleInferer"}, tile_size=32, **conv)
    window = {"_target_": "SlidingWindowInferer", "roi_size": [96, 96], "sw_batch_size": 1}
    network = load(tmp_path / "b", inferer=window, tile_size=32, **conv)
    assert isinstance(network._inferer, SlidingWindowInferer)
    network._network = spy = Spy()
    network.infer([units(1, 1, 50, 40)], [(0.0, 1.0)], batch_size=4)
    assert {shape[2:] for shape in spy.shapes} == {(32, 32)} and max(shape[0] for shape in spy.shapes) == 4
    with pytest.raises(InputError, match="SaliencyInferer"):
        saliency = {"_target_": "SaliencyInferer", "cam_name": "CAM", "target_layers": "x"}
        load(tmp_path / "c", inferer=saliency, tile_size=32, **conv)


# --- other people's bundles -------------------------------------------------------------------------------------------

FOREIGN_LOAD = [{"_target_": "LoadImaged", "keys": "image"}, {"_target_": "EnsureChannelFirstd", "keys": "image"}]
RANGE = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": 0, "a_max": 100, "b_min": -1, "b_max": 1}
PAD = {"_target_": "DivisiblePadd", "keys": "image", "k": 16}
RESIZE = {"_target_": "Resized", "keys": "image", "spatial_size": [24, 20]}
TYPED = {"_target_": "EnsureTyped", "keys": "image", "device": "@device"}
NORMALIZE = {"_target_": "NormalizeIntensityd", "keys": "image"}
MINMAX = {"_target_": "ScaleIntensityd", "keys": "image"}
SAVER = {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir", "meta_keys": "$@dataset"}
BACK = {"_target_": "ScaleIntensityRanged", "keys": "pred", "a_min": -1, "a_max": 1, "b_min": 0, "b_max": 100}
PIPELINES = {
    "range": [RANGE],
    "clipped range": [RANGE | {"clip": True}],
    "range and padding": [RANGE | {"clip": True}, PAD, TYPED],
    "padding before the range": [PAD, RANGE],
    "resized": [RESIZE, RANGE | {"clip": True}],
    "normalized": [NORMALIZE, PAD],
    "of its own values": [MINMAX],
    "twice": [MINMAX, RANGE | {"a_max": 1}],
    "ours and theirs": [SCALE, RANGE | {"a_max": 1}],
    "nothing": [],
}


def foreign(tmp_path, before, after=(SAVER,), **bundle):
    parts = {"preprocessing": composed(*FOREIGN_LOAD, *before), "postprocessing": composed(*after)}
    return load(tmp_path, inferer={"_target_": "SimpleInferer"}, **parts | bundle)


@pytest.mark.parametrize("name", PIPELINES)
def test_other_bundles_change_nothing_either(tmp_path, name):
    network = foreign(tmp_path, PIPELINES[name])
    given = [units(2, 1, 30, 27), np.full((1, 1, 30, 27), 3.5, np.float32)]
    assert network._transforms.plain is None
    for before, after in zip(given, network.infer(given, [(0.0, 100.0)] * 2, batch_size=2), strict=True):
        assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("post", [(SAVER,), (BACK, SAVER)])
@pytest.mark.parametrize("name", ["range", "clipped range", "range and padding", "padding before the range", "resized"])
def test_a_change_arrives_in_units_whatever_their_scaling(tmp_path, name, post):
    network = foreign(tmp_path, PIPELINES[name], post, network=SHIFT, weights=shift_by(0.2))
    given = units(1, 1, 30, 27)
    np.testing.assert_allclose(network.infer([given], [(0.0, 100.0)])[0], given + 10, atol=0.02)  # 0.2 of (-1, 1)


def test_a_change_under_scalings_that_depend_on_the_image(tmp_path):
    given = units(2, 1, 30, 27, low=10, high=60)
    made = foreign(tmp_path / "a", [NORMALIZE], network=SHIFT, weights=shift_by(0.5)).infer([given], [(0.0, 99.0)])[0]
    deviation = given.std(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(made, given + 0.5 * deviation, atol=1e-3)
    made = foreign(tmp_path / "b", [MINMAX], network=SHIFT, weights=shift_by(0.5)).infer([given], [(0.0, 99.0)])[0]
    extent = np.ptp(given, axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(made, given + 0.5 * extent, atol=1e-3)


def test_transforms_that_work_in_place():
    def halve(item):
        item["image"] /= 2
        return item

    transforms = FrameTransforms(halve, None)
    given = torch.arange(12.0).reshape(1, 3, 4)
    prepared = transforms.prepare(given, (0.0, 1.0))
    torch.testing.assert_close(transforms.finish(prepared, prepared.image + 1, 1), given + 2)
    assert given[0, 0].tolist() == [0, 1, 2, 3]


def test_a_flat_frame_whose_scale_nobody_knows_stays(tmp_path):
    network = foreign(tmp_path, [MINMAX], network=SHIFT, weights=shift_by(0.5))
    flat = np.full((1, 1, 8, 8), 3.5, np.float32)
    np.testing.assert_array_equal(network.infer([flat], [(0.0, 99.0)])[0], flat)


def test_other_bundles_that_enlarge(tmp_path):
    weights = random_weights(global_residual=True)  # untrained, it is the bicubic enlargement
    network = foreign(tmp_path, [RANGE], network=SRRESNET | {"global_residual": True}, weights=weights)
    given = units(1, 1, 12, 10, low=10, high=60)
    enlarged = nn.functional.interpolate(torch.from_numpy(given), scale_factor=2.0, mode="bicubic")
    np.testing.assert_allclose(network.infer([given], [(0.0, 99.0)])[0], enlarged, atol=1e-2)


@pytest.mark.parametrize(
    "transform",
    [
        {"_target_": "GaussianSmoothd", "keys": "image", "sigma": 2},
        {"_target_": "AdjustContrastd", "keys": "image", "gamma": 3},
        {"_target_": "HistogramNormalized", "keys": "image"},
    ],
)
def test_what_cannot_be_undone_is_refused(tmp_path, transform):
    with pytest.raises(InputError, match=f"{transform['_target_']}.*line"):
        network = foreign(tmp_path, [transform])
        network.infer([units(1, 1, 30, 27)], [(0.0, 100.0)])


def test_resampling_to_a_spacing_is_refused(tmp_path):
    with pytest.raises(InputError, match="Spacingd"):
        foreign(tmp_path, [{"_target_": "Spacingd", "keys": "image", "pixdim": [2, 2]}])


def test_a_bundle_that_makes_labels_is_refused(tmp_path):
    labels = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 2, "kernel_size": 1}
    state = {"weight": torch.ones(2, 1, 1, 1), "bias": torch.zeros(2)}
    with pytest.raises(InputError, match=r"cannot enhance images.*\[2, 64, 64\] of \[1, 64, 64\]"):
        load(tmp_path, network=labels, weights=state)


def test_a_bundle_without_transforms(tmp_path):
    network = load(tmp_path, without=("preprocessing", "postprocessing", "inferer", "network"))
    given = units(1, 1, 5, 6)
    np.testing.assert_array_equal(network.infer([given], [(0.0, 1.0)])[0], given)


def test_code_that_a_bundle_brings(tmp_path, monkeypatch):
    import sys

    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "bundle" / "scripts").mkdir(parents=True)
    (tmp_path / "bundle" / "scripts" / "__init__.py").write_text("import torch\nclass Net(torch.nn.Identity): pass\n")
    assert load(tmp_path, network={"_target_": "scripts.Net"}).factor == 1
    sys.modules.pop("scripts")


# --- loading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bundle", "settings", "factor", "channels"),
    [
        ("camus_denoise", {}, 1, 1),
        ("covidct_denoise", {}, 1, 1),
        ("isic2018_denoise", {}, 1, 3),
        ("isic2018_perceptual", {}, 1, 3),
        ("lizard_sr", {}, 2, 3),
        ("lizard_sr", {"scale_factor": "4"}, 4, 3),
    ],
)
def test_the_shipped_bundles_without_their_sample_data(tmp_path, bundle, settings, factor, channels):
    folder = shutil.copytree(BUNDLES / bundle, tmp_path / bundle)  # away from sample_data/
    network = BundleNetwork.load(folder, "cpu", settings)
    weights = folder / "models" / ("model_x4.pt" if factor == 4 else "model.pt")
    assert (network.name, network.factor, network.domain.channels) == (bundle, factor, channels)
    assert network.weights_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert network.version == json.loads((folder / "configs" / "metadata.json").read_text())["version"]
    assert network._transforms.plain is not None


def test_settings_are_read_as_on_monais_command_line(tmp_path):
    weights = random_weights(num_blocks=2)
    settings = {"network_def#num_blocks": "2", "inferer::tile_size": "$40 + 8"}
    network = load(tmp_path, network=SRRESNET, weights=weights, settings=settings)
    assert len(network._network.body) == 2 and network._inferer.tile_size == 48


@pytest.mark.parametrize("text, value", [("false", False), ("true", True), ("False", False), ("True", True)])
def test_a_boolean_may_be_spelled_as_in_json(tmp_path, text, value):
    settings = {"network_def#global_residual": text}
    ending, weights = {"global_residual": not value}, random_weights(global_residual=value)
    network = load(tmp_path, network={**SRRESNET, **ending}, weights=weights, settings=settings)
    assert network._network.global_residual is value


def test_grey_weights_in_a_bundle_for_colour(tmp_path):
    folder = shutil.copytree(BUNDLES / "isic2018_perceptual", tmp_path / "bundle")
    torch.save(DPENet(2, 1, 1, channels=(16, 24, 32, 40, 48)).state_dict(), tmp_path / "grey.pt")
    settings = {"weights": str(tmp_path / "grey.pt"), "channels": "1"}
    network = BundleNetwork.load(folder, "cpu", settings)
    assert network.domain.channels == 1
    frames = units(1, 1, 20, 24)
    assert network.infer([frames], [(-50.0, 200.0)])[0].shape == frames.shape
    with pytest.raises(InputError, match="num_channels 'one'"):
        BundleNetwork.load(folder, "cpu", {**settings, "channels": "one", "network_def#in_channels": "1"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("network_dfe", "'network_dfe': did you mean 'network_def'"),
        ("inferer#tile_sizes", "did you mean 'inferer#tile_size'"),
        ("quux", "stand at the top"),
        ("device", "--device"),
        ("bundle_root", "--bundle"),
    ],
)
def test_unknown_settings_are_refused(tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        load(tmp_path, settings={name: "1"})


def damaged(folder, name, text):
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: folder / "nowhere", "no such folder"),
        (lambda folder: folder / "models", "has no configs/inference.json"),
        (lambda folder: damaged(folder, "configs/inference.json", "{"), r"inference.json: cannot be read"),
        (lambda folder: damaged(folder, "configs/inference.json", "[]"), "inference.json"),
        (lambda folder: damaged(folder, "configs/metadata.json", "7"), "metadata.json"),
        (lambda folder: damaged(folder, "models/model.pt", "x"), "model.pt"),
        (lambda folder: (folder / "models/model.pt").unlink() or folder, "model.pt are not there"),
        (lambda folder: torch.save({"weight": torch.ones(1)}, folder / "models/model.pt") or folder, "do not fit"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_sentence(tmp_path, spoil, words):
    folder = spoil(write_bundle(tmp_path / "bundle", network=SHIFT, weights=shift_by(0.0)))
    with pytest.raises(InputError, match=words) as caught:
        BundleNetwork.load(folder, "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        ({"network": {"_target_": "torch.nn.NoSuchLayer"}}, "network cannot be built"),
        ({"network": {"_target_": "torch.nn.Conv2d", "in_channels": 1}}, "network cannot be built"),
        ({"network": SRRESNET | {"scale_factor": 3}}, "scale_factor is 3"),
        ({"network": "$print"}, "network cannot be built"),
        ({"preprocessing": composed({"_target_": "NoSuchd", "keys": "image"})}, "preprocessing cannot be built"),
        ({"metadata": image_format(num_channels=4)}, "takes 4 channels"),
        ({"metadata": image_format(modality=5)}, "modality"),
        ({"network": SHIFT}, "model.pt are not there"),
    ],
)
def test_a_bundle_that_cannot_work_is_refused_at_once(tmp_path, bundle, words):
    with pytest.raises(InputError, match=words):
        load(tmp_path, **bundle)


def test_weights_may_be_named_but_not_left_out(tmp_path):
    torch.save({"model": shift_by(0.5)}, tmp_path / "other.pt")
    named = {"weights": "$@bundle_root + '/models/model.pt'"}
    folder = write_bundle(tmp_path / "bundle", network=SHIFT, weights=shift_by(0.0), config=named)
    zeros = [np.zeros((1, 1, 2, 2), np.float32)]
    assert BundleNetwork.load(folder, "cpu").infer(zeros, [(0.0, 1.0)])[0].max() == 0
    other = BundleNetwork.load(folder, "cpu", {"weights": str(tmp_path / "other.pt")})
    assert other.infer(zeros, [(0.0, 1.0)])[0].max() == 0.5
    with pytest.raises(InputError, match="untrained"):
        BundleNetwork.load(folder, "cpu", {"weights": "$None"})


def test_a_device_that_is_not_there(tmp_path):
    for device in ("cuda:77", "quantum"):
        with pytest.raises(InputError, match=device):
            BundleNetwork.load(write_bundle(tmp_path / device.replace(":", "")), device)
