# SPDX-License-Identifier: Apache-2.0
"""What docs/results.md sums up is what the tables beside it say."""

from __future__ import annotations

import csv
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "docs" / "results"
OTHER_WEIGHTS = ("relative_0.3", "relative_0.5", "relative_3", "_0.0001", "_0.03", "camus_sigma0.3", "histology")
"""In names of tables that are not of denoising at ρ = 1."""


def differences():
    """(table, strategies, metric, difference, lower and upper bound over seeds) of every paired difference."""
    for path in sorted((RESULTS / "tables").glob("*_differences.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["over seeds"]:
                    low, high = map(float, row["over seeds"].strip("[]").split(","))
                    yield path.name, row["strategies"], row["metric"], float(row["difference"]), low, high


def summary():
    return " ".join((RESULTS.parent / "results.md").read_text(encoding="utf-8").split())


def test_where_the_gate_is_ahead_of_joint_training():
    found = [
        (difference, low)
        for table, strategies, metric, difference, low, _ in differences()
        if (strategies, metric) == ("gradprom − joint", "PSNR [dB]")
        and not any(part in table for part in OTHER_WEIGHTS)
    ]
    assert all(difference > 0 for difference, _ in found)
    ahead = sum(low > 0 for _, low in found)
    assert f"in each of {len(found)} denoising settings, and in {ahead} of them" in summary()


def test_how_often_recognition_is_not_that_of_the_control():
    strategies = {f"{name} − detached" for name in ("joint", "gradprom", "gradprom_cosine")}
    found = [
        (metric, difference, low, high)
        for _, pair, metric, difference, low, high in differences()
        if pair in strategies and metric.partition(",")[0] in ("mIoU", "AUC")
    ]
    apart = [(metric, difference) for metric, difference, low, high in found if low > 0 or high < 0]
    gains = sum(difference > 0 for _, difference in apart)
    largest = max(abs(difference) for metric, difference in apart if metric.startswith("mIoU"))
    text = summary()
    assert f"in {len(found)} cases here" in text
    assert f"excludes zero in {len(apart)} of them ({gains} gains, {len(apart) - gains} losses;" in text
    assert f"5 % would be {0.05 * len(found):.0f})" in text
    assert f"no such difference in mIoU is larger than {largest:.4f}.".replace("0.", ".", 1) in text
