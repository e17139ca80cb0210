# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from monai_gradprom.phantoms.strands import bezier, draw_discs, polyline
from monai_gradprom.phantoms.texture import cell_walls, image_rng, power_field, smooth_field, smooth_step


def test_random_numbers_depend_on_every_key_and_on_nothing_else():
    first = image_rng(3, 1).uniform(size=4)
    np.testing.assert_array_equal(first, image_rng(3, 1).uniform(size=4))
    for keys in ((3, 2), (4, 1), (3, 1, 1), (1, 3)):
        assert not np.isin(first, image_rng(*keys).uniform(size=4)).any()


@pytest.mark.parametrize("exponent", [0.0, 2.0, 3.0])
def test_power_falls_with_the_exponent(exponent):
    field = power_field((192, 192), exponent, image_rng(0))
    assert field.mean() == pytest.approx(0, abs=1e-9)
    assert field.std() == pytest.approx(1)
    power, frequency = np.abs(np.fft.fft2(field)) ** 2, np.fft.fftfreq(192)
    radius = np.hypot(frequency[:, None], frequency)
    edges = np.geomspace(0.03, 0.4, 8)
    bands = [power[(radius >= a) & (radius < b)].mean() for a, b in pairwise(edges)]
    slope = np.polyfit(np.log(np.sqrt(edges[:-1] * edges[1:])), np.log(bands), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.15)


def test_smooth_field_is_smooth_over_its_scale():
    """White noise behind a Gaussian of width s has the correlation exp(-(d / 2s)²) at the distance d."""
    field = smooth_field((400, 400), 4.0, image_rng(1))
    assert (field.mean(), field.std()) == pytest.approx((0, 1), abs=1e-9)
    assert (field[6:] * field[:-6]).mean() == pytest.approx(np.exp(-((6 / 8) ** 2)), abs=0.06)


def test_regular_cells_repeat_and_irregular_ones_do_not():
    def repeats(jitter):
        net = cell_walls((120, 120), 12.0, jitter, image_rng(2))
        assert 0 <= net.min() < 0.01 < 0.9 < net.max() <= 1
        return np.corrcoef(net[:, 12:].ravel(), net[:, :-12].ravel())[0, 1]

    assert repeats(0.0) > 0.98
    assert repeats(0.5) < 0.3


def test_smooth_step_clamps_and_is_symmetric():
    np.testing.assert_allclose(smooth_step(np.array([-3.0, 1.0, 2.0, 3.0, 9.0]), 1, 3), [0, 0, 0.5, 1, 1])


def test_disc_has_its_area_and_is_cut_at_the_border():
    for radius in (0.5, 2.3, 6.0):
        assert draw_discs((40, 40), [(20.3, 19.6)], radius).sum() == pytest.approx(
            np.pi * (radius**2 + 1 / 12), rel=0.1
        )
    assert draw_discs((40, 40), [(0, 20)], 6.0).sum() == pytest.approx(np.pi * 36 / 2, rel=0.15)
    assert not draw_discs((40, 40), [(-30, 20)], 6.0).any()
    assert not draw_discs((40, 40), np.empty((0, 2)), 1.0).any()


def test_close_discs_are_a_line_of_that_width_without_gaps():
    line = draw_discs((60, 60), polyline([(30.0, 10.0), (30.0, 50.0)]), 1.5)
    np.testing.assert_allclose(line[:, 15:45].sum(axis=0), 3.0, atol=0.05)
    assert line.max() == 1


def test_curves_pass_through_their_ends_in_small_steps():
    controls = np.array([(0.0, 0.0), (10.0, 30.0), (40.0, 5.0)])
    path = bezier(controls, step=0.4)
    np.testing.assert_allclose(path[[0, -1]], controls[[0, 2]])
    middle = controls.T @ [0.25, 0.5, 0.25]
    assert cdist(path, middle[None]).min() < 0.4
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() <= 0.4
    corners = polyline(controls, step=0.4)
    assert np.linalg.norm(np.diff(corners, axis=0), axis=1).max() <= 0.4
    assert cdist(corners, controls).min(axis=0).max() == 0
