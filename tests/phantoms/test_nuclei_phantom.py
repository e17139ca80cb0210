# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label
from skimage.color import rgb2hed
from skimage.measure import regionprops

from monai_gradprom.errors import InputError
from monai_gradprom.phantoms import NUCLEI, draw_composition, nuclei_phantom
from monai_gradprom.phantoms.texture import image_rng

SHAPE = (160, 200)


@pytest.fixture(scope="module")
def phantoms():
    """One picture with each class as the dominant one."""
    made = {}
    for dominant in NUCLEI:
        rng = image_rng(5, dominant)
        made[dominant] = nuclei_phantom(rng, SHAPE, draw_composition(rng, dominant))
    return made


def areas(phantom):
    """Pixels of each class value, counted pixel by pixel."""
    return np.bincount(np.concatenate([[0], phantom.classes])[phantom.inst_map].ravel(), minlength=7)


def test_types_and_sizes(phantoms):
    for image, inst_map, classes in phantoms.values():
        assert (image.dtype, inst_map.dtype) == (np.uint8, np.int32)
        assert image.shape == (*SHAPE, 3)
        assert inst_map.shape == SHAPE
        assert set(np.unique(inst_map)) == set(range(len(classes) + 1))
        assert set(classes) <= set(NUCLEI)


def test_every_nucleus_is_one_piece_of_a_plausible_size(phantoms):
    for phantom in phantoms.values():
        for number in range(1, len(phantom.classes) + 1):
            body = phantom.inst_map == number
            assert label(body)[1] == 1
            assert 20 <= body.sum() < 500


def test_the_wanted_class_covers_the_greatest_area(phantoms):
    for dominant, phantom in phantoms.items():
        covered = areas(phantom)[1:]
        others = np.delete(covered, dominant - 1)
        assert covered[dominant - 1] > 1.5 * others.max()
        assert covered.sum() > 0.1 * phantom.inst_map.size


@pytest.mark.parametrize("kind", NUCLEI)
def test_a_class_alone_is_alone(kind):
    assert set(nuclei_phantom(image_rng(0, kind), (96, 130), {kind: 2.0}).classes) == {kind}


def test_haematoxylin_is_where_the_labels_say(phantoms):
    """Each nucleus is bluer than the ring around it, by scikit-image's colour deconvolution."""
    for phantom in phantoms.values():
        blue = rgb2hed(phantom.image)[..., 0]
        inside = phantom.inst_map > 0
        assert blue[inside].mean() > 3 * blue[~inside].mean()
        for region in regionprops(phantom.inst_map):
            rows, columns = (slice(max(0, int(c) - 14), int(c) + 15) for c in region.centroid)
            around = blue[rows, columns][~inside[rows, columns]]
            assert blue[phantom.inst_map == region.label].mean() > 1.3 * around.mean()


def test_the_outline_in_the_picture_is_the_outline_in_the_labels(phantoms):
    """Labels moved by two pixels fit the picture worse than labels in place, in every direction."""
    for phantom in phantoms.values():
        blue, inside = rgb2hed(phantom.image)[..., 0], phantom.inst_map > 0
        contrast = {
            (down, right): blue[moved].mean() - blue[~moved].mean()
            for down in (-2, 0, 2)
            for right in (-2, 0, 2)
            for moved in [np.roll(inside, (down, right), (0, 1))]
        }
        assert max(contrast, key=contrast.get) == (0, 0)


def test_classes_differ_in_size_form_and_colour(phantoms):
    whole = {kind: [] for kind in NUCLEI}
    for phantom in phantoms.values():
        hed = rgb2hed(phantom.image)
        for region in regionprops(phantom.inst_map):
            top, left, bottom, right = region.bbox
            if min(top, left) > 6 and bottom < SHAPE[0] - 6 and right < SHAPE[1] - 6:
                body = phantom.inst_map == region.label
                ring = np.zeros_like(body)
                ring[top - 4 : bottom + 4, left - 4 : right + 4] = True
                ring &= phantom.inst_map == 0
                kind = phantom.classes[region.label - 1]
                axes = region.axis_major_length / region.axis_minor_length
                whole[kind].append((region.area, axes, region.solidity, hed[body, 0].mean(), hed[ring, 1].mean()))
    assert all(len(values) >= 5 for values in whole.values())
    mean = {NUCLEI[kind]: np.median(values, axis=0) for kind, values in whole.items()}
    size, length, solidity, blue, red_around = ({name: row[i] for name, row in mean.items()} for i in range(5))
    assert size["neutrophil"] < size["lymphocyte"] < size["plasma"] < size["epithelial"]
    assert max(length, key=length.get) == "connective"
    assert length["connective"] > 3 > 2 > length["epithelial"] > 1.3 > length["lymphocyte"]
    assert set(sorted(solidity, key=solidity.get)[:2]) == {"neutrophil", "eosinophil"}  # the lobed ones
    assert blue["epithelial"] < 0.9 * min(blue["lymphocyte"], blue["neutrophil"])
    assert max(red_around, key=red_around.get) == "eosinophil"


def test_same_random_state_same_picture_another_another(phantoms):
    rng = image_rng(5, 4)
    again = nuclei_phantom(rng, SHAPE, draw_composition(rng, 4))
    for first, second in zip(phantoms[4], again, strict=True):
        np.testing.assert_array_equal(first, second)
    other = nuclei_phantom(image_rng(6, 4), SHAPE, {4: 1})
    assert (other.image != again.image).mean() > 0.9


def test_compositions_have_a_clear_leader():
    for dominant in NUCLEI:
        shares = draw_composition(image_rng(dominant), dominant)
        assert set(shares) == set(NUCLEI)
        assert shares.pop(dominant) >= 0.5
        assert max(shares.values()) <= 0.2
    drawn = nuclei_phantom(image_rng(0), (96, 96))
    assert len(set(drawn.classes)) > 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"shape": (95, 200)}, "shape"),
        ({"composition": {7: 1.0}}, "composition"),
        ({"composition": {1: 0.0}}, "composition"),
        ({"composition": {1: 1.0, 2: -0.1}}, "composition"),
        ({"composition": {}}, "composition"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, named):
    with pytest.raises(InputError, match=f"{named} is"):
        nuclei_phantom(image_rng(0), **arguments)
    with pytest.raises(InputError, match="dominant is 0"):
        draw_composition(image_rng(0), 0)
