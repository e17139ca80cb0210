# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

SCRIPT_NAME = "structure_checks"


def test_what_is_kept_keeps_the_order_and_the_disc_is_where_it_was_painted(script):
    x, y = np.mgrid[:60, :80]
    inside = np.hypot(x - 30, y - 40) < 25
    frame = np.where(inside, 0.2 + x / 200, 0.0)
    made = {name: (before, after) for name, before, after in script.versions(frame, inside, np.random.default_rng(0))}
    assert set(script.KEPT) < set(made)
    for name in ("gamma 0.6", "contrast 0.5"):
        before, after = made[name]
        assert (np.argsort(before, axis=None, kind="stable") == np.argsort(after, axis=None, kind="stable")).all()
    before, after = made["disc painted in"]
    disc = before != after
    assert np.allclose((after - before)[disc], 0.3) and not (disc & ~inside).any()
    radius = np.sqrt(disc.sum() / np.pi)
    assert abs(radius - 0.05 * np.hypot(60, 80)) < 0.6
    taken, left = made["disc taken out"]
    assert (taken == after).all() and (left == frame).all()
