# SPDX-License-Identifier: Apache-2.0
"""Which images a bundle's metadata let in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from memory_image import MemoryImage

from monai_gradprom.enhance.pixels.domain import Domain
from monai_gradprom.enhance.pixels.modalities import is_code
from monai_gradprom.errors import InputError

BUNDLES = Path(__file__).parents[3] / "bundles"


def domain(**stated):
    return Domain.from_metadata({"network_data_format": {"inputs": {"image": stated}}})


def shipped(name):
    return Domain.from_metadata(json.loads((BUNDLES / name / "configs" / "metadata.json").read_text()))


def grey(modality=None, shape=(6, 5), **header):
    return MemoryImage(np.zeros((1, 1, *shape), np.uint8), modality=modality, **header)


def colour(modality=None, value=(9, 8, 7)):
    return MemoryImage(np.zeros((2, 3, 6, 5), np.uint8) + np.array(value, np.uint8).reshape(3, 1, 1), modality=modality)


@pytest.mark.parametrize(
    ("bundle", "inside", "outside"),
    [
        ("camus_denoise", ["US"], ["CT", "IVUS", "DOE^JOHN"]),
        ("covidct_denoise", ["CT"], ["MR", "US"]),
        ("isic2018_denoise", ["XC", "DMS"], ["ES", "US"]),
        ("lizard_sr", ["SM", "GM"], ["XC", "OP"]),
    ],
)
def test_the_shipped_bundles(bundle, inside, outside):
    found = shipped(bundle)
    make = colour if found.channels == 3 else grey
    assert found.spatial_dims == 2
    for modality in [*inside, None]:
        assert found.refusal(make(modality), any_modality=False) is None
    for modality in outside:
        reason = found.refusal(make(modality), any_modality=False)
        assert "the modality is" in reason and "DOE" not in reason
        assert found.refusal(make(modality), any_modality=True) is None


@pytest.mark.parametrize(
    ("stated", "codes"),
    [
        ("X-ray", ("CR", "DX", "RG")),
        ("DX", ("CR", "DX", "RG")),
        (["CT", "mri"], ("CT", "MR")),
        ("CT, MR", ("CT", "MR")),
        ("CT/PET", ("CT", "PT")),
        ("chest x-ray", ("CR", "DX", "RG")),
        ("H&E", ("GM", "SM")),
        ("lidar", ("LIDAR",)),
        ("", None),
        ("*", None),
        ("any", None),
        ("n/a", None),
        ([], None),
        (None, None),
    ],
)
def test_words_and_codes(stated, codes):
    assert domain(modality=stated).modalities == codes


def test_only_dicoms_codes_are_repeated_in_reasons():
    assert all(is_code(code) for code in ("CT", "MR", "US", "CR", "DX", "RG", "MG", "XC", "ES", "SM", "OP", "DMS"))
    assert not any(is_code(text) for text in ("us", "XR", "", "DOE^JOHN"))


def test_what_workers_import_needs_no_torch():
    program = (
        "import sys, monai_gradprom.enhance.pixels.domain, monai_gradprom.enhance.pixels.pixel_map;"
        "sys.exit(bool({'torch', 'monai', 'scipy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_grey_bundle_takes_colour_ultrasound_without_decoding_it():
    image = colour("US")
    assert domain(modality="US", num_channels=1).refusal(image, any_modality=False) is None
    assert image.decoded == 0
    assert domain(num_channels=1).network_channels(image) == 1


@pytest.mark.parametrize("modality", [None, "SC", "XC"])
def test_a_grey_bundle_takes_other_colour_only_on_request_or_if_it_is_none(modality):
    grey_only = domain(num_channels=1)
    assert "in colour" in grey_only.refusal(colour(modality), any_modality=False)
    assert grey_only.refusal(colour(modality), any_modality=True) is None
    assert grey_only.refusal(colour(modality, (7, 7, 7)), any_modality=False) is None


def test_a_colour_bundle_takes_grey_only_on_request():
    colour_only = domain(num_channels=3)
    assert "grey" in colour_only.refusal(grey(), any_modality=False)
    assert colour_only.refusal(grey(), any_modality=True) is None
    assert colour_only.network_channels(grey()) == 3


def test_open_channels_are_the_images():
    assert domain(num_channels="*").channels is None is domain().channels
    assert [domain().network_channels(image) for image in (grey(), colour())] == [1, 3]


@pytest.mark.parametrize("any_modality", [False, True])
def test_what_no_file_can_feed_is_always_refused(any_modality):
    assert "4 channels" in domain(num_channels=4).refusal(grey(), any_modality)
    volumes = domain(spatial_shape=["*", "*", "*"])
    assert volumes.spatial_dims == 3 and "volumes" in volumes.refusal(grey(), any_modality)


def test_without_a_two_dimensional_region():
    image = grey("US", regions=())
    assert "two-dimensional" in domain().refusal(image, any_modality=False)
    assert domain().refusal(image, any_modality=True) is None
    assert domain().refusal(grey("US", regions=((0, 0, 2, 2),)), any_modality=False) is None


@pytest.mark.parametrize(
    ("shape", "inside", "outside"),
    [
        (["*", "*"], [(6, 5), (1, 1)], []),
        ([64, 32], [(64, 32)], [(32, 64), (64, 33)]),
        (["16*n", "16 * n"], [(16, 48), (512, 512)], [(16, 40), (15, 16)]),
        (["2**p", "*"], [(2, 7), (256, 7)], [(1, 7), (100, 7)]),
        (["8*n-1", "2**p*n"], [(7, 6), (15, 10)], [(8, 6), (7, 5)]),
        (["64", "*"], [(64, 3)], [(65, 3)]),
    ],
)
def test_sizes(shape, inside, outside):
    stated = domain(spatial_shape=shape)
    for size in inside:
        assert stated.refusal(grey(shape=size), any_modality=False) is None, size
    for size in outside:
        assert "the size is" in stated.refusal(grey(shape=size), any_modality=False), size
        assert stated.refusal(grey(shape=size), any_modality=True) is None


def test_a_bundle_that_sees_patches_takes_every_size():
    patches = domain(spatial_shape=[96, 96], is_patch_data=True)
    assert patches.refusal(grey(), any_modality=False) is None and patches.spatial_dims == 2


def test_large_images_are_decided_at_once():
    stated = domain(spatial_shape=["2**p*n", "16*n"])
    assert stated.refusal(grey(shape=(4096, 16)), any_modality=False) is None
    assert stated.refusal(grey(shape=(4097, 16)), any_modality=False)


@pytest.mark.parametrize(
    "stated",
    [
        {"modality": 7},
        {"modality": [1]},
        {"num_channels": 0},
        {"num_channels": True},
        {"num_channels": "two"},
        {"spatial_shape": [64]},
        {"spatial_shape": "64"},
        {"spatial_shape": [64, 0]},
        {"spatial_shape": [64, "k*2"]},
        {"spatial_shape": ["__import__('os')", 1]},
        {"spatial_shape": ["n.real", 1]},
        {"spatial_shape": ["n(", 1]},
        {"spatial_shape": ["n/2", 1]},
        {"spatial_shape": [1.5, 1]},
    ],
)
def test_malformed_metadata_are_refused(stated):
    with pytest.raises(InputError, match=next(iter(stated))):
        domain(**stated)


@pytest.mark.parametrize(
    "metadata",
    [
        {"network_data_format": 3},
        {"network_data_format": {"inputs": {"a": {}, "b": {}}}},
        {"network_data_format": {"inputs": {"image": 5}}},
    ],
)
def test_a_malformed_frame_is_refused(metadata):
    with pytest.raises(InputError, match="network_data_format"):
        Domain.from_metadata(metadata)


def test_what_is_not_stated_is_open():
    for metadata in ({}, {"network_data_format": {"inputs": {}}}, {"network_data_format": {"inputs": {"lr": {}}}}):
        assert Domain.from_metadata(metadata) == Domain(None, None, None, 2)
