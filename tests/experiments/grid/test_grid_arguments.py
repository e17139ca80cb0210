# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_gradprom.errors import InputError
from monai_gradprom.experiments.grid.arguments import parse_switches


def test_values_are_read_as_monai_reads_them():
    words = "--strategy joint frozen --noise_sigma 0.05 1 --supervised true --aux-weight=relative:0.3 --ids [1,2]"
    assert parse_switches(words.split()) == {
        "strategy": ["joint", "frozen"],
        "noise_sigma": [0.05, 1],
        "supervised": [True],
        "aux_weight": ["relative:0.3"],
        "ids": [[1, 2]],
    }


@pytest.mark.parametrize(
    "words, said",
    [
        (["7", "--seed", "0"], "'7' belongs to no switch"),
        (["--seed", "--amp", "true"], "--seed has no value"),
        (["--seed", "0", "--seed", "1"], "--seed is given twice"),
        (["--seed", "0", "1", "0"], "--seed lists a value twice"),
    ],
)
def test_mistakes_are_named(words, said):
    with pytest.raises(InputError, match=said):
        parse_switches(words)
