# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import random

import pytest

from monai_gradprom.enhance.record.row import Row
from monai_gradprom.enhance.report.chart import number
from monai_gradprom.enhance.report.tally import Changes, Reasons, Sample


def done(path):
    return Row(path, "done", None, path)


def test_sample_does_not_depend_on_the_order():
    rows = [done(f"{k}.png") for k in range(500)]
    expected = sorted((row.path for row in rows), key=lambda p: hashlib.sha256(p.encode()).digest())[:12]
    for _ in range(2):
        random.shuffle(rows)
        sample = Sample(12)
        for row in rows:
            sample.add(row)
        assert [row.path for row in sample.rows()] == expected


def test_histogram_has_three_bins_for_a_power_of_ten():
    changes = Changes()
    for value in (None, float("nan"), 0.0, 1.0, 2.0, 2.2, 4.7, 10.0, 1000.0):
        changes.add(value)
    assert changes.zero == 1
    assert changes.bins == {0: 2, 1: 1, 2: 1, 3: 1, 9: 1}  # from 1, 2.15, 4.64, 10, 1000
    assert changes.largest == 1000


def test_reasons_that_differ_in_numbers_are_one_and_the_most_frequent_comes_first():
    reasons = Reasons()
    for path, reason in (("a", "no space"), ("b", "7 bytes are missing"), ("c", "12.5 bytes are missing"), ("d", None)):
        reasons.add(Row(path, "failed", reason))
    first, *others = reasons.most_common()
    assert (first.text, first.count, first.alike, first.paths) == ("7 bytes are missing", 2, False, ["b", "c"])
    assert [(group.text, group.alike) for group in others] == [("no reason given", True), ("no space", True)]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.0123456, "0.0123"), (1, "1"), (2.15443, "2.15"), (123.4, "123"), (65535, "65,535"), (100.0, "100")],
)
def test_numbers_have_three_digits(value, written):
    assert number(value) == written
