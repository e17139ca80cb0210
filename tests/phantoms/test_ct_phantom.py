# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt, label, median_filter

from monai_gradprom.phantoms import CT_CLASSES, draw_chest_ct, pneumonia
from monai_gradprom.phantoms.texture import image_rng

PHANTOMS = [draw_chest_ct(0, number) for number in range(1, 17)]


def dense_share(phantom):
    """Share of the lungs' area that stays above -700 HU where a median filter has taken the vessels away."""
    inside = binary_erosion(phantom.lungs(), iterations=5)
    return (median_filter(phantom.hounsfield(), 7)[inside] > -700).mean()


def test_numbers_give_the_same_slice_again_and_others_another():
    assert draw_chest_ct(0, 4) == PHANTOMS[3]
    np.testing.assert_array_equal(draw_chest_ct(0, 4).render(), PHANTOMS[3].render())
    assert draw_chest_ct(1, 4).chest != PHANTOMS[3].chest
    assert [p.diagnosis for p in PHANTOMS[:4]] == [*CT_CLASSES, *CT_CLASSES]


@pytest.mark.parametrize("phantom", PHANTOMS[:4])
def test_slice_shows_two_aerated_lungs_inside_soft_tissue(phantom):
    lungs, level = phantom.lungs(), dataclasses.replace(phantom, patches=0, nodule=0.0).hounsfield()
    assert lungs.shape == level.shape == phantom.size
    _, count = label(binary_erosion(lungs, iterations=2))
    assert count == 2
    middle = phantom.size[1] // 2
    left, right = lungs[:, :middle].sum(), lungs[:, middle:].sum()
    assert 0.3 < left / right < 3
    assert not lungs[:, middle].any()
    area = lungs.sum() * phantom.spacing**2 / 100  # cm²
    assert 100 < area < 420
    assert np.median(level[lungs]) == pytest.approx(-850, abs=70)
    wall = distance_transform_edt(~lungs) * phantom.spacing
    assert (level[(wall > 2) & (wall < 10)] > -150).mean() > 0.95  # airways are the rest
    assert level.max() > 400  # bone


@pytest.mark.parametrize("number", [1, 3, 7])
def test_pneumonia_is_what_makes_the_lungs_of_covid_dense(number):
    """The same patient with and without opacities, that is at equal lung area."""
    sick = draw_chest_ct(0, number)
    healthy = dataclasses.replace(sick, patches=0)
    np.testing.assert_array_equal(sick.lungs(), healthy.lungs())
    lungs, dense = sick.lungs(), sick.hounsfield() > -500
    before = healthy.hounsfield() > -500
    assert dense[lungs].mean() > before[lungs].mean() + 0.01
    np.testing.assert_array_equal(dense[~lungs], before[~lungs])
    assert sick.render()[lungs].mean() > healthy.render()[lungs].mean() + 4


def test_classes_differ_in_dense_lung():
    shares = {name: [dense_share(p) for p in PHANTOMS[:8] if p.diagnosis == name] for name in CT_CLASSES}
    areas = {name: [p.lungs().sum() * p.spacing**2 for p in PHANTOMS if p.diagnosis == name] for name in CT_CLASSES}
    assert min(shares["COVID"]) > max(shares["NonCOVID"])
    assert np.mean(areas["COVID"]) == pytest.approx(np.mean(areas["NonCOVID"]), rel=0.15)


def test_opacities_are_peripheral_and_confined_to_the_lungs():
    phantom = PHANTOMS[0]
    lungs = phantom.lungs()
    share = np.mean([pneumonia(lungs.astype(float), phantom.spacing, 5, image_rng(0, k)) for k in range(3)], axis=0)
    assert not share[~lungs].any()
    assert 0 < share.max() < 1
    depth = distance_transform_edt(lungs) * phantom.spacing
    assert share[lungs & (depth < 15)].mean() > 1.5 * share[lungs & (depth > 25)].mean()


def test_nodule_is_round_dense_and_of_its_size():
    phantom = dataclasses.replace(PHANTOMS[1], nodule=8.0)
    bare = dataclasses.replace(phantom, nodule=0.0)
    changed = phantom.hounsfield() - bare.hounsfield() > 300
    nodules, _ = label(changed)
    largest = max(np.bincount(nodules.ravel())[1:])
    assert largest * phantom.spacing**2 == pytest.approx(np.pi * 8**2, rel=0.3)  # vessels behind it do not change
    assert phantom.lungs()[changed].all()


def test_vessels_branch_through_both_lungs():
    phantom = dataclasses.replace(PHANTOMS[1], nodule=0.0)
    inside = binary_erosion(phantom.lungs(), iterations=3)
    vessels = (phantom.hounsfield() > -500) & inside
    assert 0.02 < vessels[inside].mean() < 0.2
    assert label(vessels)[1] > 30
    middle = phantom.size[1] // 2
    assert 0.25 < vessels[:, :middle].sum() / vessels[:, middle:].sum() < 4


def test_window_and_noise_are_what_they_say():
    phantom = dataclasses.replace(PHANTOMS[3], window=(-1400.0, 200.0), noise=0.0)
    still = phantom.render().astype(float)
    assert still[:2, :2].mean() == pytest.approx(255 * 400 / 1600, abs=1)  # air beside the body
    noise = dataclasses.replace(phantom, noise=32.0).render().astype(float) - still
    assert noise[phantom.lungs()].std() == pytest.approx(255 * 32 / 1600, rel=0.15)


def test_sizes_are_mixed_and_not_square():
    sizes = np.array([phantom.size for phantom in PHANTOMS])
    assert (sizes[:, 1] > sizes[:, 0]).all()
    assert sizes.min() > 110
    assert sizes.max() <= 300
    assert len({tuple(size) for size in sizes}) == len(PHANTOMS)
