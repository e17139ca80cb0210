# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from monai.transforms import Randomizable

from monai_gradprom.transforms.random_streams import Reseeded, stream


class Draws(Reseeded):
    def randomize(self, data=None) -> list[float]:
        return self.R.standard_normal(3).tolist()


class Theirs(Randomizable):
    def randomize(self, data=None) -> list[float]:
        return self.R.standard_normal(3).tolist()


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1])
def test_a_stream_is_numpys(seed: int) -> None:
    """Also after an odd number of normal draws, of which NumPy keeps a second one for the next call."""
    stream(1).standard_normal(3)
    expected = np.random.RandomState(seed).standard_normal(5)
    np.testing.assert_array_equal(stream(seed).standard_normal(5), expected)


def test_threads_do_not_share_a_stream() -> None:
    mine = stream(3)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(stream, 4).result() is not mine
    assert mine.rand() == np.random.RandomState(3).rand()


@pytest.mark.parametrize("seed", [0, 7, 2**32 + 7])
def test_seeds_mean_what_they_mean_in_monai(seed: int) -> None:
    mine = Draws()
    for _ in range(2):
        assert mine.set_random_state(seed).randomize() == Theirs().set_random_state(seed).randomize()


def test_a_given_state_is_drawn_from_and_never_seeded_anew() -> None:
    theirs = np.random.RandomState(1)
    mine = Draws().set_random_state(state=theirs)
    assert mine.R is theirs
    mine.set_random_state(seed=2)
    assert mine.R is not theirs and theirs.rand() == np.random.RandomState(1).rand()
    with pytest.raises(TypeError):
        mine.set_random_state(state=1)


def test_two_of_them_are_independent() -> None:
    one, two = Draws().set_random_state(1), Draws().set_random_state(2)
    first = two.randomize()
    one.set_random_state(1).randomize()
    assert first == Theirs().set_random_state(2).randomize()
    assert two.randomize() != first


def test_without_a_seed_every_draw_is_new() -> None:
    assert Draws().set_random_state().randomize() != Draws().set_random_state().randomize()
