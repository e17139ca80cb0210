# SPDX-License-Identifier: Apache-2.0
"""From which epoch on a run is judged, and who is told that it is too early a one."""

from __future__ import annotations

import pytest

from monai_gradprom.experiments.last_tenth import judged_from, rare_validations


def test_the_last_validation_before_the_last_tenth():
    assert judged_from([5, 9, 10], 10) == 9
    assert judged_from([4, 8, 12], 12) == 8
    assert judged_from([10], 10) is None
    assert judged_from([], 10) is None


def note(epochs, interval, strategy="joint"):
    return rare_validations({"max_epochs": epochs, "val_interval": interval, "strategy": strategy})


@pytest.mark.parametrize(
    ("epochs", "interval", "since", "better", "at"),
    [
        (12, 4, "epoch 8:", 5, 10),
        (10, 5, "epoch 5:", 4, 8),
        (60, 56, "call every run under-trained;", 54, 54),
        (22, 12, "epoch 12:", 9, 18),
    ],
)
def test_rare_validations_are_told_with_an_interval_that_would_do(epochs, interval, since, better, at):
    text = note(epochs, interval)
    assert since in text and text.endswith(f"--val_interval {better} validates at epoch {at}.")
    assert better < epochs and at % better == 0 and 0.8 * epochs <= at <= 0.9 * epochs
    assert note(epochs, better) is None


@pytest.mark.parametrize(("epochs", "interval"), [(12, 1), (10, 3), (24, 4), (60, 18)])
def test_frequent_enough_ones_are_not(epochs, interval):
    assert note(epochs, interval) is None


def test_nothing_is_said_where_nothing_can_be():
    assert note(12, 4, "recognizer_only") is None
    assert note(3, 4) is None  # no epoch lies between 80 and 90 %
    assert note("$3 * 4", 4) is None
    assert note(12, "@max_epochs") is None
