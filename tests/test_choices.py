# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError


def test_an_allowed_name_is_returned() -> None:
    assert check_choice("split", "paper", ["official", "paper"]) == "paper"


@pytest.mark.parametrize("value", ["papre", "Paper"])
def test_a_near_miss_is_named_with_its_correction(value: str) -> None:
    with pytest.raises(InputError, match=rf"split '{value}'.*did you mean 'paper'.*official, paper"):
        check_choice("split", value, ["official", "paper"])


@pytest.mark.parametrize("value", [None, 3, "xyz"])
def test_anything_else_gets_the_list_alone(value: object) -> None:
    with pytest.raises(InputError, match="Choose one of official, paper") as caught:
        check_choice("split", value, ["official", "paper"])
    assert "did you mean" not in str(caught.value)
