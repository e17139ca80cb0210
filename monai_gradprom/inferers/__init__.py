# SPDX-License-Identifier: Apache-2.0
"""How a network is applied to an image: whole, or tile by tile with the same result."""

from __future__ import annotations

from .halo import HaloInferer
from .padded import PaddedInferer

__all__ = ["HaloInferer", "PaddedInferer"]
