# SPDX-License-Identifier: Apache-2.0
"""The gates, where the recognizer is fixed."""

from __future__ import annotations

from .gradprom import GradProm
from .gradprom_cosine import GradPromCosine

__all__ = ["FrozenGradProm", "FrozenGradPromCosine"]


class FrozenGradProm(GradProm):
    """:class:`GradProm` over a fixed recognizer: what :class:`Frozen` adds, only where it does not conflict.

    Not in the paper, whose gate has a recognizer that learns. It is for an enhancer that has to serve a recognizer
    which is there already. Keep the recognizer in eval mode.
    """

    trains_recognizer = False


class FrozenGradPromCosine(GradPromCosine):
    """:class:`GradPromCosine` over a fixed recognizer, see :class:`FrozenGradProm`."""

    trains_recognizer = False
