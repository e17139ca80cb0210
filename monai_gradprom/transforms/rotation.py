# SPDX-License-Identifier: Apache-2.0
"""Rotation of one frame's images and masks together, only where it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from monai.networks.utils import normalize_transform
from monai.transforms.utils import create_rotate, create_translate
from torch.nn import functional as F

__all__ = ["rotated", "rotation_grid"]


def rotation_grid(size: tuple[int, int], angle: float, part: Sequence[int]) -> torch.Tensor:
    """Where the pixels come from that are seen of a frame which :class:`monai.transforms.Rotate` rotates.

    Args:
        size: (width, height) of the frame, pixels; rotation is about its centre and keeps it.
        angle: radians.
        part: (width, height) of what is seen, about the centre.

    Returns:
        float32 [w, h, 2], as ``torch.nn.functional.grid_sample`` takes it.
    """
    centre = (np.array(size) - 1) / 2
    matrix = create_translate(2, centre.tolist()) @ create_rotate(2, angle) @ create_translate(2, (-centre).tolist())
    normalise, restore = _normalisers(size)
    theta = normalise @ torch.as_tensor(matrix, dtype=torch.float32) @ restore
    first, second = (_coordinates(n, kept) for n, kept in zip(size, part, strict=True))
    seen = torch.ones(3, len(first), len(second))
    # grid_sample counts spatial axes from the last
    seen[0], seen[1] = second, first[:, None]
    flipped = theta[[1, 0]][:, [1, 0, 2]]
    return (flipped @ seen.flatten(1)).T.reshape(*seen.shape[1:], 2)


def rotated(img: torch.Tensor, grid: torch.Tensor, mask: bool = False) -> torch.Tensor:
    """Sample ``img`` [C, W, H] at ``grid`` [w, h, 2], 0 outside the frame: float32 [C, w, h].

    Images are interpolated linearly; a ``mask`` takes nearest neighbours.
    """
    mode = "nearest" if mask else "bilinear"
    return F.grid_sample(img[None].float(), grid[None], mode=mode, padding_mode="zeros", align_corners=False)[0]


@lru_cache(maxsize=256)
def _normalisers(size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """From pixels to the range -1 to 1, and back."""
    normalise = normalize_transform(size, dtype=torch.float32)[0]
    return normalise, torch.from_numpy(np.linalg.inv(normalise.numpy()))


def _coordinates(n: int, kept: int) -> torch.Tensor:
    """Centres of the ``kept`` middle pixels of ``n``, in the range -1 to 1."""
    start = max(n // 2 - kept // 2, 0)
    return (torch.linspace(-1, 1, n) * (n - 1) / n)[start : start + kept]
