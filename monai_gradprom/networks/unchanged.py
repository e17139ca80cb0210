# SPDX-License-Identifier: Apache-2.0
"""No enhancer at all."""

from __future__ import annotations

from torch import nn

__all__ = ["Unchanged"]


class Unchanged(nn.Identity):
    """The image as it is, whole or in tiles, where a network is expected: what an evaluation without enhancer measures.

    An untrained SRResNet with a global residual is that by itself; an untrained DPENet is not.
    """

    receptive_radius = 0
    size_multiple = 1
