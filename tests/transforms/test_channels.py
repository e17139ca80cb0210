# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.channels import match_channels

PATH = Path("a.png")
GREY = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
ALPHA = np.full_like(GREY, 255)
COLOUR = np.concatenate([GREY, GREY + 1, GREY + 2])


def test_none_keeps_everything() -> None:
    rgba = np.concatenate([COLOUR, ALPHA])
    assert match_channels(rgba, None, PATH) is rgba


@pytest.mark.parametrize("extra", [0, 1], ids=["RGB", "RGBA"])
def test_grey_stored_as_colour_becomes_one_channel(extra: int) -> None:
    stored = np.concatenate([np.repeat(GREY, 3, axis=0), *[ALPHA] * extra])
    np.testing.assert_array_equal(match_channels(stored, 1, PATH), GREY)


def test_alpha_is_dropped() -> None:
    np.testing.assert_array_equal(match_channels(np.concatenate([GREY, ALPHA]), 1, PATH), GREY)
    np.testing.assert_array_equal(match_channels(np.concatenate([COLOUR, ALPHA]), 3, PATH), COLOUR)


def test_grey_is_repeated_for_a_colour_model() -> None:
    np.testing.assert_array_equal(match_channels(GREY, 3, PATH), np.repeat(GREY, 3, axis=0))


@pytest.mark.parametrize("stored", [COLOUR, np.concatenate([COLOUR, ALPHA])], ids=["RGB", "RGBA"])
def test_colour_is_never_made_grey_silently(stored: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"a\.png: has \d channels"):
        match_channels(stored, 1, PATH)
