# SPDX-License-Identifier: Apache-2.0
"""How a network is applied to a whole image."""

from __future__ import annotations

from .padded import PaddedInferer

__all__ = ["PaddedInferer"]
