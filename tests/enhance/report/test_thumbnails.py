# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_gradprom.enhance.report.thumbnail_scales import DARKER, LIGHTER, difference_scale, grey_range, palette
from monai_gradprom.enhance.report.thumbnails import BUDGET, may_be_shown, thumbnail
from monai_gradprom.formats.stored import StoredImage


class ArrayImage(StoredImage):
    """Frames [n, channels, columns, rows] in memory."""

    def __init__(self, pixels, **attributes):
        self.pixels, self.dtype = pixels, pixels.dtype
        self.path, self.format, self.spatial_dims, self.affine = Path("a"), "DICOM", 2, np.eye(4)
        self.frames, self.channels, *shape = pixels.shape
        self.shape = tuple(shape)
        info = np.iinfo(pixels.dtype) if pixels.dtype.kind in "ui" else None
        self.limits = (info.min, info.max) if info else (-np.inf, np.inf)
        for name, value in attributes.items():
            setattr(self, name, value)

    def read(self, start=0, stop=None):
        return self.pixels[start:stop]


def decoded(uri):
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def grey(value, frames=1, shape=(40, 30), dtype=np.uint8, channels=1):
    return np.full((frames, channels, *shape), value, dtype)


def test_only_regions_are_drawn_and_the_page_is_cropped_to_them():
    pixels = np.random.default_rng(0).integers(1, 255, (1, 1, 40, 30)).astype(np.uint8)
    image = ArrayImage(pixels, regions=((5, 6, 15, 20), (20, 6, 30, 16)))
    made = thumbnail(image, ArrayImage(np.flip(pixels, 2).copy()))
    assert (made.width, made.height, made.masked) == (25, 14, True)
    allowed = np.zeros((14, 25), bool)
    allowed[:, :10] = allowed[:10, 15:] = True
    before = decoded(made.before)
    assert (before[~allowed] == 0).all()
    assert (before[allowed, 0] == pixels[0, 0, 5:30, 6:20].T[allowed]).all()
    assert (decoded(made.after)[~allowed] == 0).all()
    assert (decoded(made.difference)[~allowed] == 0).all()
    assert decoded(made.difference)[allowed].any()


def test_everything_is_drawn_only_when_asked_for():
    pixels = grey(9)
    pixels[..., 0] = 200  # writing above the region
    image = ArrayImage(pixels, regions=((0, 5, 40, 30),))
    assert decoded(thumbnail(image, image).before).max() == 9
    whole = thumbnail(image, image, everything=True)
    assert decoded(whole.before).max() == 200
    assert not whole.masked


@pytest.mark.parametrize("regions", [None, (), ((50, 50, 60, 60),)])
def test_without_a_region_nothing_is_shown(regions):
    image = ArrayImage(grey(9), regions=regions)
    assert may_be_shown(image, everything=True)
    assert may_be_shown(image, everything=False) == (regions == ((50, 50, 60, 60),))
    with pytest.raises(ValueError, match="ultrasound region"):
        thumbnail(image, image)


def test_middle_frame_of_a_cine():
    frames = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * grey(10, 5)
    image = ArrayImage(frames)
    made = thumbnail(image, ArrayImage(frames + np.uint8(1)), everything=True)
    assert (made.frame, made.frames) == (3, 5)
    assert decoded(made.before).max() == 20
    assert decoded(made.after).max() == 21


def test_difference_is_blue_below_black_at_and_orange_above_zero():
    after = grey(100).astype(int)
    after[..., :10, :] -= 4
    after[..., 20:, :] += 4
    made = thumbnail(ArrayImage(grey(100)), ArrayImage(after.astype(np.uint8)), everything=True)
    assert made.scale == 5
    picture = decoded(made.difference)
    share = round(127 * 4 / 5) / 127
    assert np.abs(picture[:, :10] - share * np.array(DARKER)).max() <= 1
    assert (picture[:, 10:20] == 0).all()
    assert np.abs(picture[:, 20:] - share * np.array(LIGHTER)).max() <= 1


def test_palette_is_symmetric_around_black():
    colours = np.array(palette()).reshape(256, 3)
    assert (colours[128] == 0).all()
    assert tuple(colours[1]) == DARKER
    assert tuple(colours[255]) == LIGHTER


@pytest.mark.parametrize(
    ("size", "scale"), [(0, 0), (1, 1), (1.2, 2), (4, 5), (7, 10), (130, 200), (0.03, 0.05), (np.nan, 0)]
)
def test_scale_of_the_difference_is_round(size, scale):
    assert difference_scale(np.array([-size, 0, size])) == pytest.approx(scale)


def test_a_single_outlier_does_not_make_the_difference_black():
    change = np.full(10_000, 3.0)
    change[0] = 1000
    assert difference_scale(change) == 5
    assert difference_scale(np.array([0.0] * 9_999 + [7.0])) == 10  # better than none


def test_grey_scale_is_the_files_window_in_modality_units_and_the_same_after():
    stored = grey(0, dtype=np.int16)
    stored[..., 0, 0], stored[..., 1, 0], stored[..., 2, 0] = 524, 1024, 1524  # -500, 0, 500 HU
    image = ArrayImage(stored, rescale=(1.0, -1024.0), window=(-500.0, 500.0))
    after = ArrayImage(stored - 250)  # the result's own attributes are not asked for
    made = thumbnail(image, after, everything=True)
    assert decoded(made.before)[0, :3, 0].tolist() == [0, 128, 255]
    assert decoded(made.after)[0, :3, 0].tolist() == [0, 64, 191]


def test_low_values_of_an_inverted_file_are_bright():
    made = thumbnail(ArrayImage(grey(30), inverted=True), ArrayImage(grey(30)), everything=True)
    assert (decoded(made.before) == 225).all()


def test_grey_range_without_a_window_ignores_padding_and_nan():
    deep = ArrayImage(grey(0, dtype=np.int16), padding=(-2000.0, -2000.0), rescale=(2.0, 1.0))
    frame = np.array([[[-2000.0, 10.0, 40.0]]])
    assert grey_range(deep, frame, np.ones((1, 3), bool)) == (21.0, 81.0)
    assert grey_range(deep, frame, np.array([[True, False, True]])) == (81.0, 82.0)
    floating = ArrayImage(grey(0, dtype=np.float32))
    assert grey_range(floating, np.array([[[np.nan, 1.0, 3.0]]]), np.ones((1, 3), bool)) == (1.0, 3.0)
    eight = ArrayImage(grey(7), rescale=(2.0, -10.0))
    assert grey_range(eight, frame, np.ones((1, 3), bool)) == (-10.0, 500.0)


def test_enlarged_results_stand_beside_the_interpolated_source():
    ramp = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None] * 4, (40, 30))[None, None].copy()
    large = np.kron(ramp[0, 0], np.ones((2, 2), np.uint8))[None, None]
    image = ArrayImage(ramp, regions=((10, 10, 30, 20),))
    made = thumbnail(image, ArrayImage(large))
    assert (made.width, made.height) == (40, 20)
    before, after = decoded(made.before)[..., 0], decoded(made.after)[..., 0]
    assert np.abs(before - after).max() <= 3  # within half a step of the ramp
    assert len(np.unique(before)) > len(np.unique(after))


def test_colour_is_shown_in_colour_and_compared_in_brightness():
    pixels = grey(50, channels=3)
    pixels[:, 0] = 150
    redder = pixels.copy()
    redder[:, 0] += 10
    made = thumbnail(ArrayImage(pixels, rescale=(1.0, 0.0)), ArrayImage(redder), everything=True)
    assert tuple(decoded(made.before)[0, 0]) == (150, 50, 50)
    assert made.scale == 5  # 0.299 * 10, rounded up


def test_large_noisy_frames_are_reduced_until_they_fit():
    pixels = np.random.default_rng(0).integers(0, 255, (1, 3, 900, 700)).astype(np.uint8)
    made = thumbnail(ArrayImage(pixels), ArrayImage(np.roll(pixels, 1)), everything=True)
    assert made.reduced > 2
    assert made.width / made.height == pytest.approx(9 / 7, abs=0.02)
    assert 0.75 * len(made.before + made.after + made.difference) <= BUDGET + 100


def test_a_frame_that_would_take_too_much_memory_is_refused():
    huge = np.broadcast_to(np.uint8(0), (1, 1, 5000, 4000))
    with pytest.raises(ValueError, match="large"):
        thumbnail(ArrayImage(huge), ArrayImage(huge), everything=True)
