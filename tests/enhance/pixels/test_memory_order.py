# SPDX-License-Identifier: Apache-2.0
"""Arrays keep the order of memory that their file has, and say what it is."""

from __future__ import annotations

import numpy as np
import pytest
from memory_image import MemoryImage

from monai_gradprom.enhance.pixels.memory_order import channels_first, laid_out, named
from monai_gradprom.enhance.pixels.pixel_map import PixelMap

ROWS = np.arange(3 * 5 * 4 * 3, dtype=np.uint8).reshape(3, 5, 4, 3)  # 3 frames of 5 rows, 4 columns, RGB


def test_rows_of_pixels_are_seen_with_channels_and_columns_first():
    seen = channels_first(ROWS)
    assert seen.shape == (3, 3, 4, 5)
    assert seen[2, 1, 3, 0] == ROWS[2, 0, 3, 1]
    volume = channels_first(np.arange(2 * 6 * 5 * 4).reshape(2, 6, 5, 4, 1))
    assert volume.shape == (2, 1, 4, 5, 6)
    assert volume[1, 0, 3, 2, 1] == ((1 * 6 + 1) * 5 + 2) * 4 + 3


@pytest.mark.parametrize("array", [ROWS, channels_first(ROWS), ROWS.T, np.float32(3), ROWS[:0]])
def test_what_was_laid_out_gets_its_names_back(array):
    view, order = laid_out(np.asarray(array))
    assert view.flags.c_contiguous
    np.testing.assert_array_equal(named(view, order), array)


def test_pixels_stay_as_the_file_has_them():
    stored = channels_first(ROWS)
    pixels = PixelMap(MemoryImage(stored), (0.0, 255.0), 1)
    shown = pixels.to_network(stored)
    assert [axis for axis in laid_out(shown)[1] if axis != 1] == [0, 3, 2]  # frames of rows of columns
    assert laid_out(pixels.from_network(stored, shown + 1))[1] == laid_out(stored)[1] == [0, 3, 2, 1]
