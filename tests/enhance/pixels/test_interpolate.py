# SPDX-License-Identifier: Apache-2.0
"""Enlargement against Pillow, PyTorch's conventions and polynomials."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.enhance.pixels.change import Change
from monai_gradprom.enhance.pixels.interpolate import enlarge_cubic, enlarge_nearest, without_gaps
from monai_gradprom.formats.luminance import luminance


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_inside_it_is_pillows_bicubic(factor):
    image = np.random.default_rng(0).normal(size=(20, 17)).astype(np.float32)
    size = (17 * factor, 20 * factor)
    expected = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    inner = (slice(2 * factor, -2 * factor),) * 2
    np.testing.assert_allclose(enlarge_cubic(image[None], factor)[0][inner], expected[inner], atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3])
def test_parabolas_on_the_corner_aligned_grid_in_every_axis(factor):
    """Keys' kernel reproduces polynomials up to the second degree, so that their values are the truth."""
    axes = [np.arange(9.0), np.arange(8.0), np.arange(7.0)]
    fine = [(np.arange(len(a) * factor) + 0.5) / factor - 0.5 for a in axes]

    def surface(x, y, z):
        return 1 + x - 2 * y + x * x - 0.5 * z * z + 0.1 * y * y

    made = enlarge_cubic(surface(*np.meshgrid(*axes, indexing="ij"))[None], factor)[0]
    inner = (slice(2 * factor, -2 * factor),) * 3
    np.testing.assert_allclose(made[inner], surface(*np.meshgrid(*fine, indexing="ij"))[inner], atol=1e-12)


def test_constants_stay_exact_and_double_precision_is_kept():
    assert (enlarge_cubic(np.full((1, 3, 3), 2**31 - 1, np.int32), 4) == 2**31 - 1).all()
    np.testing.assert_array_equal(enlarge_nearest(np.array([[[1, 2]]]), 2), [[[1, 1, 2, 2], [1, 1, 2, 2]]])


def test_gaps_are_filled_by_their_nearest_neighbour_per_channel():
    array = np.array([[[1, 0, 0, 9]], [[5, 6, 7, 0]]])
    filled = without_gaps(array, array == 0)
    assert filled[0, 0, 0] == 1 and filled[0, 0, 1] == 1 and filled[0, 0, 2] == 9
    assert filled[1].tolist() == [[5, 6, 7, 7]] and array[0, 0, 1] == 0
    empty = np.zeros((1, 2, 2))
    np.testing.assert_array_equal(without_gaps(empty, empty == 0), empty)
    hollow = np.stack([np.full((2, 2), np.nan), np.ones((2, 2))])
    np.testing.assert_array_equal(without_gaps(hollow, np.isnan(hollow)), np.stack([np.zeros((2, 2)), np.ones((2, 2))]))


def test_luminance_is_pillows():
    rgb = np.random.default_rng(0).integers(0, 256, (9, 8, 3)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(rgb).convert("L"), dtype=float)
    assert np.abs(luminance(np.moveaxis(rgb, 2, 0))[0] - expected).max() <= 1  # Pillow's is an integer


def test_change_adds_up_piece_by_piece_without_wrapping():
    change = Change()
    assert change.mean_abs == change.max_abs == 0
    change.add(np.array([0, 255], np.uint8), np.array([255, 0], np.uint8))
    same = np.zeros(8, np.uint8)
    change.add(same, same)
    assert change.max_abs == 255 and change.mean_abs == 51
    floats = Change()
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    floats.add(odd, odd + 1)
    assert floats.max_abs == 1 and floats.mean_abs == 0.25
