# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tracemalloc

from monai_gradprom.enhance.record.row import Row
from monai_gradprom.enhance.report.summary import Tally


def _tally(*rows):
    tally = Tally()
    for n, (status, reason) in enumerate(rows):
        tally.add(Row(str(n), status, reason))
    return tally


def test_the_table():
    tally = _tally(
        *[("done", None)] * 1200,
        ("skipped", "a report"),
        *[("skipped", "a dose")] * 3,
        ("failed", "frame 3 of 7 is torn"),
        ("failed", "frame 12 of 30 is torn"),
        ("failed", None),
    )
    assert [line.rsplit(None, 1) for line in tally.text().splitlines()] == [
        ["done", "1,200"],
        ["skipped", "4"],
        ["  a dose", "3"],
        ["  a report", "1"],
        ["failed", "3"],
        ["  frame 3 of 7 is torn (or another number)", "2"],
        ["  no reason given", "1"],
    ]
    assert len({len(line) for line in tally.text().splitlines()}) == 1


def test_exit_code():
    assert _tally().exit_code() == 0
    assert _tally(("done", None), ("skipped", "a report")).exit_code() == 0
    assert _tally(("done", None), ("failed", "torn")).exit_code() == 1


def test_long_lists_are_folded():
    tally = _tally(*[("failed", "reason " + "x" * n) for n in range(15)], *[("failed", "reason " + "x" * 14)] * 5)
    lines = tally.text().splitlines()
    assert len(lines) == 3 + 10 + 1
    assert lines[3].split() == ["reason", "x" * 14, "6"]
    assert " ".join(lines[-1].split()) == "5 more reasons, see manifest.jsonl 5"


def test_a_reason_stays_on_its_line():
    lines = _tally(("failed", "bad\nname \udcff" + " long" * 100)).text().splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) < 110
    "".join(lines).encode()


def test_memory_does_not_grow_with_reasons():
    tracemalloc.start()
    tally = Tally()
    for n in range(20_000):
        tally.add(Row("x", "failed", "reason " + "".join(chr(97 + int(d)) for d in str(n))))
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 1_000_000
    assert tally.counts["failed"] == 20_000
    assert sum(int(line.split()[-1].replace(",", "")) for line in tally.text().splitlines()[3:]) == 20_000
