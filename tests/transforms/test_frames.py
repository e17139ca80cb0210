# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.frames import split_frames

PATH = Path("beat.nii.gz")


def test_a_still_image_passes() -> None:
    image = np.arange(12).reshape(1, 3, 4)
    out, ndim = split_frames(image, 2, None, PATH)
    np.testing.assert_array_equal(out, image)
    assert ndim == 2


@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (1, 3, 4, 1, 5), (1, 3, 4, 5, 1)])
def test_a_frame_is_picked_wherever_time_stands(shape: tuple) -> None:
    sequence = np.arange(60).reshape(3, 4, 5)
    out, ndim = split_frames(sequence.reshape(shape), 2, 3, PATH)
    np.testing.assert_array_equal(out[0], sequence[..., 3])
    assert ndim == len(shape) - 2


def test_singletons_are_dropped_and_counted() -> None:
    out, ndim = split_frames(np.zeros((1, 3, 4, 1)), 2, None, PATH)
    assert out.shape == (1, 3, 4) and ndim == 3


def test_volumes_need_three_dimensions() -> None:
    out, _ = split_frames(np.zeros((1, 3, 4, 5)), 3, None, PATH)
    assert out.shape == (1, 3, 4, 5)


@pytest.mark.parametrize(
    ("shape", "frame", "message"),
    [
        ((1, 3, 4, 5), None, r"beat\.nii\.gz: has 5 frames .*`frame`, 0 to 4"),
        ((1, 3, 4, 5), 5, "`frame` is 5, .* 0 to 4"),
        ((1, 3, 4, 5), -1, "`frame` is -1"),
        ((1, 3, 4), 1, "`frame` is 1, .* 0 to 0"),
        ((1, 3, 4, 5, 6), 0, "shape"),
        ((1, 3), None, "shape"),
    ],
)
def test_what_cannot_be_one_image_is_refused(shape: tuple, frame: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_frames(np.zeros(shape), 2, frame, PATH)
