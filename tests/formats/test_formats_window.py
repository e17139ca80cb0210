# SPDX-License-Identifier: Apache-2.0
"""Which intensities the network sees as [0, 1], by hand."""

from __future__ import annotations

import numpy as np
import pytest
from memory_image import MemoryImage

from monai_gradprom.formats.window import own_window, pixel_range

FLAT = np.full((1, 1, 4, 4), 7)


def image(frames, dtype, **header):
    return MemoryImage(np.asarray(frames, dtype), **header)


@pytest.mark.parametrize(
    "stored, expected",
    [
        (image(FLAT, np.uint8), (0, 255)),
        (image(FLAT, np.uint8, window=(10.0, 20.0)), (0, 255)),  # 8 bits: never narrower than what is stored
        (image(FLAT, np.uint8, limits=(0, 63)), (0, 63)),
        (image(FLAT, np.uint16, limits=(0, 4095)), None),
        (image(FLAT, np.uint16, limits=(0, 4095), window=(40.0, 80.0)), (40, 80)),
        (image(FLAT, np.int16, window=(-160.0, 240.0), rescale=(1.0, -1024.0)), (-160, 240)),
        (image(FLAT, np.uint8, rescale=(2.0, -100.0)), (-100, 410)),
        (image(FLAT, np.uint8, rescale=(-1.0, 0.0)), (-255, 0)),
        (image(FLAT, np.uint16, format="PNG"), (0, 65535)),
        (image(FLAT, np.uint16, format="NIfTI"), None),
        (image(FLAT, np.uint32, format="TIFF"), None),  # 4000 of 4294967295 would be black to a network
        (image(FLAT, np.float32, format="TIFF"), None),
        (image(FLAT, np.uint8, format="NIfTI"), (0, 255)),
    ],
)
def test_the_header_s_window(stored, expected):
    assert own_window(stored) == expected


def test_the_range_of_all_frames():
    frames = np.zeros((7, 1, 2, 2), np.int16)
    frames[5] = 900
    frames[2, 0, 0, 0] = -50
    stored = image(frames, np.int16, rescale=(2.0, -1000.0))
    assert pixel_range(stored, batch=3) == (-1100, 800)
    assert stored.decoded == 3


def test_padding_and_what_is_no_number_do_not_count():
    padded = image([[[[-2000, 5, 9, -1999]]]], np.int16, padding=(-2000, -1999))
    assert pixel_range(padded) == (5, 9)
    holes = image([[[[np.nan, -np.inf, 3.0, 8.5]]]], np.float32)
    assert pixel_range(holes) == (3, 8.5)
    assert pixel_range(image([[[[np.nan]]]], np.float32)) == (0, 1)


def test_floats_between_0_and_1_are_taken_as_they_are():
    assert pixel_range(image([[[[0.25, 0.5]]]], np.float32, format="NIfTI")) == (0, 1)
    assert pixel_range(image([[[[0.25, 1.5]]]], np.float32, format="NIfTI")) == (0.25, 1.5)
    assert pixel_range(image([[[[-0.5, 0.75]]]], np.float32, format="NIfTI")) == (-0.5, 0.75)
    assert pixel_range(image([[[[0.25, 0.5]]]], np.float32, format="DICOM")) == (0.25, 0.5)


def test_a_flat_image_has_a_window_all_the_same():
    assert pixel_range(image(FLAT, np.int16)) == (7, 8)
