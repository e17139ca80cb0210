# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2hed

from monai_gradprom.phantoms import NUCLEI, Staining, draw_nucleus, draw_staining
from monai_gradprom.phantoms.nuclei_crypts import draw_crypt, draw_outline
from monai_gradprom.phantoms.nuclei_placement import Slide
from monai_gradprom.phantoms.nuclei_tissue import draw_tissue
from monai_gradprom.phantoms.texture import image_rng

CLEAR = Staining(light=(255, 255, 255), blur=0, noise=0)


def test_colour_deconvolution_gets_the_haematoxylin_back():
    wanted = np.linspace(0, 1, 11)[:, None] * np.ones((1, 4))
    got = rgb2hed(CLEAR.render(wanted, np.full_like(wanted, 0.2), image_rng(0)))[..., 0]
    np.testing.assert_allclose(got, wanted * got[-1, 0], atol=0.01 * got[-1, 0])  # proportional, whatever the eosin


def test_absorption_is_exponential():
    one, two = (CLEAR.render(np.full((1, 1), d), np.zeros((1, 1)), image_rng(0))[0, 0] / 255.0 for d in (0.2, 0.4))
    np.testing.assert_allclose(two, one**2, atol=0.005)


def test_optics_blur_light_not_density():
    density = np.zeros((31, 31))
    density[:, 15:] = 1.5
    sharp = CLEAR.render(density, np.zeros_like(density), image_rng(0)).astype(float)
    soft = Staining(light=(255, 255, 255), blur=2, noise=0).render(density, np.zeros_like(density), image_rng(0))
    np.testing.assert_allclose(soft, gaussian_filter(sharp, (2, 2, 0)), atol=1.5)


def test_strength_light_and_noise_have_an_effect():
    flat = np.full((64, 64), 0.3)
    pictures = [staining.render(flat, flat, image_rng(1)).astype(float) for staining in (
        Staining(noise=0), Staining(haematoxylin=2, noise=0), Staining(eosin=2, noise=0), Staining(noise=3)
    )]  # fmt: skip
    plain, blue, red, noisy = (picture.mean((0, 1)) for picture in pictures)
    assert plain[0] - blue[0] > 40  # haematoxylin takes red and green
    assert np.log(plain[1] / red[1]) > 4 * np.log(plain[0] / red[0]) > 0  # eosin takes green
    np.testing.assert_allclose(noisy, plain, atol=0.6)
    assert pictures[3].std((0, 1)) == pytest.approx([3, 3, 3], rel=0.1)
    assert len({draw_staining(image_rng(seed)).haematoxylin for seed in range(5)}) == 5


@pytest.mark.parametrize("kind", NUCLEI)
def test_a_slide_refuses_what_lies_over_a_nucleus(kind):
    slide, nucleus = Slide((80, 80)), draw_nucleus(kind, image_rng(kind))
    size = slide.add(nucleus.moved(40, 40, 0.3))
    assert size == (slide.inst_map == 1).sum() > 40
    before = slide.inst_map.copy()
    assert slide.add(nucleus.moved(42, 41, 1.0)) == 0
    assert slide.add(nucleus.moved(40, -30, 0.0)) == 0  # out of sight
    np.testing.assert_array_equal(slide.inst_map, before)
    assert len(slide.nuclei) == 1
    assert slide.add(nucleus.moved(12, 40, 0.0)) > 0


@pytest.mark.parametrize("kind", NUCLEI)
def test_a_nucleus_keeps_its_area_when_it_turns(kind):
    nucleus = draw_nucleus(kind, image_rng(kind, 1))
    rows, columns = np.mgrid[:80, :80].astype(float)
    sizes = [(nucleus.depth(*nucleus.moved(40, 40, turn).frame(rows, columns)) > 0).sum() for turn in (0, 0.7, 2, 4)]
    assert np.ptp(sizes) < 0.12 * np.mean(sizes)
    reached = np.hypot(rows - 40, columns - 40)[nucleus.depth(*nucleus.moved(40, 40, 0).frame(rows, columns)) > 0]
    assert reached.max() < nucleus.reach


def test_crypts_hold_their_nuclei_and_the_stroma_leaves_them_out():
    crypt = draw_crypt(image_rng(3), (160, 160), draw_outline(image_rng(2), 80, 80))
    rows, columns = np.round([place[:2] for place in crypt.places]).astype(int).T
    seen = (rows >= 0) & (rows < 160) & (columns >= 0) & (columns < 160)
    depth = crypt.depth[rows[seen], columns[seen]]
    assert len(depth) > 12
    assert (depth > 2).all() and (depth < crypt.height).all()
    assert crypt.depth.max() > crypt.height  # there is a lumen
    tissue = draw_tissue(image_rng(4), (160, 160), [crypt], density=0.5)
    assert not (tissue.stroma & (crypt.depth > 0)).any()
    assert tissue.stroma[crypt.depth < -5].all()
    assert tissue.eosin[crypt.depth > crypt.height + 8].mean() < 0.5 * tissue.eosin[tissue.stroma].mean()
    assert tissue.eosin.min() >= 0
    assert tissue.haematoxylin.min() >= 0


def test_fibres_run_along_their_direction():
    """Eosin changes less along the stated direction than across it."""
    tissue = draw_tissue(image_rng(8), (200, 200), [], density=1.0)
    down, right = np.gradient(gaussian_filter(tissue.eosin, 1))
    along = right * np.cos(tissue.direction) + down * np.sin(tissue.direction)
    across = down * np.cos(tissue.direction) - right * np.sin(tissue.direction)
    assert (along**2).mean() < 0.25 * (across**2).mean()
