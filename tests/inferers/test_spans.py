# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import pytest

from monai_gradprom.inferers.spans import cut_axis, smallest_window

HALOS, MULTIPLES, SIDES = (0, 1, 5, 19), (1, 4, 16), range(16, 400, 7)


def cases():
    for halo, multiple, side in itertools.product(HALOS, MULTIPLES, SIDES):
        shortest = smallest_window(halo, multiple)
        for limit in {shortest, shortest + 1, shortest + 17, 2 * shortest + 3}:
            yield side - side % multiple, limit, halo, multiple


def test_every_pixel_is_kept_once_and_sees_its_halo():
    for side, limit, halo, multiple in cases():
        spans = cut_axis(side, limit, halo, multiple)
        kept = [pixel for span in spans for pixel in range(span.core_start, span.core_stop)]
        assert kept == list(range(side)), (side, limit, halo, multiple)
        for span in spans:
            assert 0 <= span.start < span.stop <= side and span.stop - span.start <= limit
            assert span.start <= max(0, span.core_start - halo) and min(side, span.core_stop + halo) <= span.stop
            assert span.start % multiple == 0 and (span.stop - span.start) % multiple == 0


def test_all_windows_have_one_length_and_no_window_could_be_spared():
    for side, limit, halo, multiple in cases():
        spans = cut_axis(side, limit, halo, multiple)
        assert len({span.stop - span.start for span in spans}) == 1
        if multiple == 1 and side > limit:
            fewer = len(spans) - 1  # that many windows of the full length keep this many pixels
            assert fewer * (limit - 2 * halo) + 2 * halo < side
            length = spans[0].stop - spans[0].start - 1  # and so do all windows if they were shorter
            assert len(spans) * (length - 2 * halo) + 2 * halo < side


@pytest.mark.parametrize("halo, multiple, shortest", [(19, 1, 39), (0, 1, 1), (0, 8, 8), (4, 8, 16), (5, 8, 24)])
def test_the_smallest_window_works_and_one_multiple_less_has_no_core(halo, multiple, shortest):
    assert smallest_window(halo, multiple) == shortest
    assert (shortest - multiple - 2 * halo) < multiple
    assert len(cut_axis(10 * shortest, shortest, halo, multiple)) > 9


def test_enlarged_slices():
    span = cut_axis(100, 40, 5)[1]
    assert span.core(4) == slice(4 * span.core_start, 4 * span.core_stop)
    assert span.core_in_window(2) == slice(10, 2 * (span.core_stop - span.start))
