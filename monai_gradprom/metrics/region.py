# SPDX-License-Identifier: Apache-2.0
"""Means over a region of each image of a batch."""

from __future__ import annotations

import torch

__all__ = ["region_mean"]


def region_mean(values: torch.Tensor, region: torch.Tensor | None = None) -> torch.Tensor:
    """Average each image of a batch over a region.

    Args:
        values: [B, C, *spatial], floating point.
        region: broadcastable to ``values``, [B, 1, *spatial] say; where it is not zero, values count. None: all count.

    Returns:
        [B]; nan for an empty region. Values outside, even inf and nan, have no effect.
    """
    if region is None:
        return values.flatten(start_dim=1).mean(dim=1)
    inside = (region != 0).expand_as(values)
    total = torch.where(inside, values, 0).flatten(start_dim=1).sum(dim=1)
    return total / inside.flatten(start_dim=1).sum(dim=1)
