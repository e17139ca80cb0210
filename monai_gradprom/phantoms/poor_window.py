# SPDX-License-Identifier: Apache-2.0
"""What makes an echocardiogram poor: a chest through which sound hardly finds its way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .scanner import Scanner

__all__ = ["poor_window"]


def poor_window(scanner: Scanner, rng: np.random.RandomState) -> Scanner:
    """The same scanner on a patient who is hard to image: what experts grade as poor, plain enough for every eye.

    Weaker contrast between tissues, clutter in the cavities, one or two sectors that drop out behind ribs or lung,
    and a beam that the chest wall has blurred, whose coarse speckle fewer independent looks smooth less.

    Args:
        scanner: its settings, of quality "Poor".
        rng: source of the variation between examinations.
    """
    u = rng.uniform
    direction = np.arange(len(scanner.shadows))
    dropout = np.zeros(direction.size)
    for centre in rng.choice(direction[1:-1], rng.randint(1, 3), replace=False):
        dropout += u(14, 22) * np.exp(-0.5 * ((direction - centre) / u(0.5, 0.9)) ** 2)
    return replace(
        scanner,
        looks=3,
        axial=scanner.axial * u(1.2, 1.4),
        lateral=scanner.lateral * u(1.5, 1.8),
        noise=scanner.noise + u(0, 2),
        haze=u(-13, -10),
        bang=scanner.bang + u(2, 6),
        spill=u(-13, -10),
        shadows=tuple(np.add(scanner.shadows, dropout)),
        contrast=0.72,
    )
