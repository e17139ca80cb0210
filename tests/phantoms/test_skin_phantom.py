# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops

from monai_gradprom.phantoms import DIAGNOSES, Lamp, Pigment, draw_skin, lesion_pigment, reflectance
from monai_gradprom.phantoms.texture import image_rng

PHANTOMS = [draw_skin(0, number) for number in range(1, 19)]


def clean(phantom):
    """The same lesion without anything over it and in even light."""
    lamp = dataclasses.replace(phantom.lamp, vignette=0.0, gradient=(0.0, 0.0))
    return dataclasses.replace(phantom, hairs=0, bubbles=0, ruler=False, lamp=lamp)


def grey(picture):
    return picture.astype(float) @ [0.299, 0.587, 0.114]


def test_numbers_give_the_same_photograph_again_and_others_another():
    assert draw_skin(0, 3) == PHANTOMS[2]
    np.testing.assert_array_equal(draw_skin(0, 3).render(), PHANTOMS[2].render())
    assert draw_skin(1, 3).lesion != PHANTOMS[2].lesion
    assert len({phantom.lesion for phantom in PHANTOMS}) == len(PHANTOMS)


def test_diagnoses_are_balanced_and_sizes_mixed():
    assert [sum(p.diagnosis == name for p in PHANTOMS) for name in DIAGNOSES] == [6, 6, 6]
    sizes = np.array([phantom.size for phantom in PHANTOMS])
    assert sizes.min() >= 192
    assert sizes.max() <= 288
    assert len({tuple(size) for size in sizes}) > 12
    assert len(set(np.sign(sizes[:, 0] - sizes[:, 1]))) > 1  # portrait and landscape


@pytest.mark.parametrize("phantom", PHANTOMS[:6])
def test_mask_is_where_the_lesion_is_seen(phantom):
    """Otsu's threshold, which knows no mask, finds the lesion where nothing lies over it."""
    picture, mask = gaussian_filter(grey(clean(phantom).render()), 2), phantom.mask()
    assert picture.shape == mask.shape == phantom.size
    assert 0.04 < mask.mean() < 0.6
    assert label(mask).max() == 1
    found = picture < threshold_otsu(picture)
    assert (found & mask).sum() / (found | mask).sum() > 0.55
    near = binary_dilation(mask, iterations=14) & ~binary_dilation(mask, iterations=6)
    assert picture[binary_erosion(mask, iterations=4)].mean() < picture[near].mean() - 8


def test_hair_lies_inside_and_outside_and_leaves_the_rest_alone():
    phantom = dataclasses.replace(clean(PHANTOMS[0]), hairs=20)
    with_hair, without = grey(phantom.render()), grey(clean(phantom).render())
    hair, mask = with_hair < without - 12, phantom.mask()
    assert 0.003 < hair[mask].mean() < 0.3
    assert 0.003 < hair[~mask].mean() < 0.3
    untouched = ~binary_dilation(np.abs(with_hair - without) > 0.5, iterations=3)
    assert untouched.mean() > 0.3
    np.testing.assert_array_equal(with_hair[untouched], without[untouched])


@pytest.mark.parametrize("change", [{"bubbles": 8}, {"ruler": True}])
def test_what_lies_over_the_skin_can_be_switched_on_alone(change):
    base = clean(PHANTOMS[1])
    difference = grey(dataclasses.replace(base, **change).render()) - grey(base.render())
    assert (np.abs(difference) > 10).mean() < 0.1
    assert (difference > 10).any() if "bubbles" in change else (difference < -10).any()


def test_lamp_loses_light_in_the_corners_and_to_one_side():
    light = Lamp((0.9, 0.8, 0.7), gradient=(0.0, 0.0), vignette=0.6).illuminate((101, 151))
    np.testing.assert_allclose(light[50, 75], (0.9, 0.8, 0.7))
    np.testing.assert_allclose(light[0, 150], 0.4 * light[50, 75])
    light = Lamp((1.0, 1.0, 1.0), gradient=(0.2, 0.0), vignette=0.0).illuminate((101, 151))
    np.testing.assert_allclose(light[-1] - light[0], 0.2)


def test_colours_follow_beer_and_lambert():
    def colour(melanin, blood, veil=0.0):
        amounts = (np.full((1, 1), float(value)) for value in (melanin, blood, veil))
        return reflectance(Pigment(*amounts))[0, 0]

    np.testing.assert_allclose(colour(0, 0), 1)
    np.testing.assert_allclose(colour(2, 0), colour(1, 0) ** 2)  # densities add up
    np.testing.assert_allclose(colour(1, 1), colour(1, 0) * colour(0, 1))
    red, green, blue = colour(1, 0)
    assert red > green > blue  # brown
    red, green, blue = colour(0, 1)
    assert red > blue > green  # pink
    red, _, blue = colour(50, 0, 0.5)
    assert 0.4 > blue > red > 0.3  # a veil over black pigment is bluish grey


def variety(pigment, mask):
    """Spread of the colour over the lesion at a coarse scale, in units of optical density."""
    density = -np.log(np.stack([gaussian_filter(band, 5) for band in np.moveaxis(reflectance(pigment), -1, 0)]))
    return density[:, binary_erosion(mask, iterations=8)].std(axis=1).sum()


def test_melanomas_are_irregular_and_of_several_colours():
    border, colour = {name: [] for name in DIAGNOSES}, {name: [] for name in DIAGNOSES}
    for phantom in PHANTOMS[:9]:
        mask = phantom.mask()
        border[phantom.diagnosis].append(regionprops(mask.astype(int))[0].solidity)
        pigment = lesion_pigment(phantom.diagnosis, phantom.lesion, phantom.size, image_rng(0, 7))
        colour[phantom.diagnosis].append(variety(pigment, mask))
    assert max(border["MEL"]) < min(border["NV"])  # solidity: area over that of the convex hull
    assert np.median(colour["MEL"]) > 1.5 * np.median(colour["NV"])
    assert np.median(colour["MEL"]) > 1.5 * np.median(colour["BKL"])


def test_keratoses_end_sharply():
    steepness = {name: [] for name in DIAGNOSES}
    for phantom in PHANTOMS[:9]:
        distance, _ = phantom.lesion.polar(phantom.size)
        melanin = lesion_pigment(phantom.diagnosis, phantom.lesion, phantom.size, image_rng(0, 8)).melanin
        inner, outer = ((distance > r) & (distance < r + 0.04) for r in (0.92, 1.06))
        steepness[phantom.diagnosis].append(1 - melanin[outer].mean() / melanin[inner].mean())
    assert min(steepness["BKL"]) > 0.9
    assert np.median(steepness["NV"]) < 0.9
    assert np.median(steepness["MEL"]) < 0.9
