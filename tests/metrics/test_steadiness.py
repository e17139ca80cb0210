# SPDX-License-Identifier: Apache-2.0
"""Steadiness on cines whose flicker and motion are known."""

from __future__ import annotations

import numpy as np
import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.metrics import brightness, flicker, motion, warped_change

STEP = np.array([0.6, -0.4])  # pixels from a frame to the next
GAINS = np.array([1.0, 1.1, 0.9, 1.0])


def texture(x, y):
    return 0.5 + 0.2 * np.sin(x / 3) * np.cos(y / 4) + 0.1 * np.sin((x + 2 * y) / 7)


@pytest.fixture(scope="module")
def moving():
    """A texture that moves by STEP, four frames."""
    x, y = np.indices((48, 40), float)
    return np.stack([texture(x - t * STEP[0], y - t * STEP[1]) for t in range(4)])


@pytest.fixture(scope="module")
def flow(moving):
    return motion(moving)


def test_a_gain_of_each_frame_is_flicker_of_that_size():
    frames = np.full((4, 6, 5), 40.0) * GAINS[:, None, None]
    assert brightness(frames) == pytest.approx([40, 44, 36, 40])
    assert flicker(frames) == pytest.approx((4 + 8 + 4) / 3)
    assert flicker(np.full((4, 6, 5), 40, np.uint8)) == 0


def test_only_the_region_counts_also_one_that_moves():
    frames = np.zeros((3, 4, 4))
    frames[:, 0, 0] = 1, 2, 4
    frames[:, 3] = np.array([[100], [7], [55]])
    still = np.zeros((4, 4))
    still[0, :2] = 2
    assert brightness(frames, still) == pytest.approx([0.5, 1, 2]) and flicker(frames, still) == pytest.approx(0.75)
    moves = np.zeros((3, 4, 4), bool)
    moves[0, 0, 0] = moves[1, 3, 0] = moves[2, 0, 0] = True
    assert brightness(frames, moves) == pytest.approx([1, 7, 4])
    moves[2] = False
    assert np.isnan(flicker(frames, moves))


def test_a_translation_is_found_and_leaves_nothing(moving, flow):
    inner = np.zeros((48, 40), bool)
    inner[8:-8, 8:-8] = True
    np.testing.assert_allclose(flow[..., inner].mean(-1), np.tile(STEP, (3, 1)), atol=0.05)
    plain = np.abs(np.diff(moving, axis=0))[:, inner].mean()
    left = warped_change(moving, flow, inner)
    assert plain > 0.02 and left < plain / 8


def test_a_gain_is_left_when_the_motion_is_gone(moving):
    """With the true motion: |g' - g| times the mean, beside the error of linear interpolation."""
    true = np.broadcast_to(STEP[None, :, None, None], (3, 2, 48, 40))
    assert warped_change(moving, true) < 0.003
    expected = np.abs(np.diff(GAINS)).mean() * moving.mean()
    assert warped_change(moving * GAINS[:, None, None], true) == pytest.approx(expected, rel=0.05)


def test_independent_noise_is_left():
    """|n' - n| of two normal deviates is 2 / sqrt(pi) times their deviation."""
    frames = np.random.default_rng(0).normal(100, 3, (6, 80, 90))
    assert warped_change(frames, np.zeros((5, 2, 80, 90))) == pytest.approx(3 * 2 / np.sqrt(np.pi), rel=0.01)


def test_pixels_that_leave_the_image_do_not_count():
    frames = np.zeros((2, 4, 4))
    frames[0, 3] = 9  # moves out
    flow = np.zeros((1, 2, 4, 4))
    flow[0, 0] = 1
    assert warped_change(frames, flow) == 0
    flow[0, 0] = 4
    assert np.isnan(warped_change(frames, flow))


def test_what_is_no_cine_is_refused(moving, flow):
    for measure in (flicker, motion, lambda frames: warped_change(frames, flow)):
        with pytest.raises(InputError, match="two or more"):
            measure(moving[:1])
    with pytest.raises(InputError, match="not that of the frames"):
        warped_change(moving[:2], flow)
