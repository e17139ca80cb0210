# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Resize
from PIL import Image

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import DOWNSAMPLINGS, DownsampleDegradation, DownsampleDegradationd

SHAPES = [(1, 24, 16), (3, 24, 16), (1, 16, 12, 8), (3, 16, 12, 8)]


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_area_is_the_mean_of_each_block(shape: tuple[int, ...], factor: int) -> None:
    image = np.random.default_rng(0).random(shape)
    got = DownsampleDegradation(factor)(torch.from_numpy(image)).numpy()
    assert got.shape == (shape[0], *(n // factor for n in shape[1:]))
    offsets = itertools.product(range(factor), repeat=len(shape) - 1)
    expected = sum(image[(slice(None), *(slice(o, None, factor) for o in offset))] for offset in offsets)
    np.testing.assert_allclose(got, expected / factor ** (len(shape) - 1), atol=1e-12)


@pytest.mark.parametrize("factor", [2, 4])
def test_bicubic_is_pillows(factor: int) -> None:
    image = np.random.default_rng(1).random((3, 40, 56)).astype(np.float32)
    size = (56 // factor, 40 // factor)
    theirs = [np.asarray(Image.fromarray(c, mode="F").resize(size, Image.Resampling.BICUBIC)) for c in image]
    got = DownsampleDegradation(factor, "bicubic")(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(got, np.clip(theirs, 0, 1), atol=1e-6)


def test_bicubic_shrinks_a_volume_along_each_axis() -> None:
    x, y, z = (np.random.default_rng(n).random(16).astype(np.float32) for n in range(3))
    line = DownsampleDegradation(2, "bicubic")(torch.from_numpy(np.stack([x, y, z]))).numpy()
    volume = torch.from_numpy(np.einsum("i,j,k->ijk", x, y, z)[None])
    got = DownsampleDegradation(2, "bicubic")(volume)[0].numpy()
    assert ((line > 0) & (line < 1)).all()  # nothing was clamped, so that the product is exact
    np.testing.assert_allclose(got, np.einsum("i,j,k->ijk", *line), atol=1e-6)


def test_bicubic_overshoots_and_is_clamped() -> None:
    edge = np.zeros((16, 16), dtype=np.float32)
    edge[:, 7:] = 1
    free = np.asarray(Image.fromarray(edge, mode="F").resize((8, 8), Image.Resampling.BICUBIC))
    assert free.min() < -0.01 and free.max() > 1.01
    got = DownsampleDegradation(2, "bicubic")(torch.from_numpy(edge)[None])
    assert got.min() == 0 and got.max() == 1


@pytest.mark.parametrize("mode", DOWNSAMPLINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_affine_follows(shape: tuple[int, ...], mode: str) -> None:
    affine = torch.tensor([[0.0, -2.0, 0, 10], [0.5, 0, 0, -20], [0, 0, 3.0, 5], [0, 0, 0, 1]], dtype=torch.float64)
    image = MetaTensor(torch.rand(shape), affine=affine)
    out = DownsampleDegradation(4, mode)(image)
    # the centre of the first block, in voxels of the full resolution
    middle = torch.tensor([1.5] * (len(shape) - 1) + [0.0] * (4 - len(shape)) + [1.0], dtype=torch.float64)
    torch.testing.assert_close(out.affine[:, 3], affine @ middle)
    torch.testing.assert_close(out.pixdim[: len(shape) - 1], image.pixdim[: len(shape) - 1] * 4)
    torch.testing.assert_close(out.affine, Resize([n // 4 for n in shape[1:]])(image).affine)  # MONAI's rule
    assert torch.equal(image.affine, affine)


def test_a_linear_ramp_stays_where_it_was_in_the_world() -> None:
    affine = torch.diag(torch.tensor([0.7, 0.4, 1, 1], dtype=torch.float64))
    ramp = (torch.arange(32, dtype=torch.float64) * 0.7 / 40).repeat(20, 1).T[None]  # grey = world x / 40
    for mode in DOWNSAMPLINGS:
        out = DownsampleDegradation(2, mode)(MetaTensor(ramp, affine=affine))
        world = out.affine[0, 0] * torch.arange(16) + out.affine[0, 3]
        torch.testing.assert_close(out.as_tensor()[0, 2:-2, 5], world[2:-2] / 40, atol=1e-6, rtol=0)


def test_the_record_says_factor_and_mode() -> None:
    out = DownsampleDegradation(4, "bicubic")(MetaTensor(torch.rand(1, 8, 8)))
    assert out.meta["degradation"] == {"degradation": "downsample", "scale_factor": 4, "mode": "bicubic"}


def test_nothing_is_random_and_no_id_is_needed() -> None:
    image = torch.rand(1, 8, 8)
    one, two = (DownsampleDegradationd("image", 2)({"image": image})["image"] for _ in range(2))
    assert torch.equal(one, two)


def test_a_side_that_does_not_divide_names_the_remedy() -> None:
    image = MetaTensor(torch.rand(1, 10, 8), meta={"filename_or_obj": "a.png"})
    with pytest.raises(InputError, match=r"a.png: is 10 x 8 pixels.*CropToMultipled\(keys, 4\)"):
        DownsampleDegradation(4)(image)


@pytest.mark.parametrize("factor", [1, 3, 0, 2.5, "2", None])
def test_other_factors_are_refused_with_the_switches(factor: object) -> None:
    with pytest.raises(InputError, match="--degradation downsample --scale_factor 2"):
        DownsampleDegradation(factor)


def test_an_unknown_mode_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'bicubic'"):
        DownsampleDegradation(2, "bicubc")
