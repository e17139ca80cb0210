# SPDX-License-Identifier: Apache-2.0
"""The pixel-level content term: what an image's wavelet details say."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.losses.unpaired import UnpairedTarget, source_of

__all__ = ["WaveletContentLoss", "haar_transform"]


def haar_transform(x: torch.Tensor, step: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """One level of the stationary (undecimated) Haar wavelet transform, on the places where it lies in the image.

    The orthonormal transform with every shift of its grid: at each second place along each axis stand the coefficients
    of PyWavelets' ``dwt2(x, "haar")``, up to the order of the bands, and between them those of the shifted image.

    Args:
        x: [B, C, *spatial], two or three axes, the image or the approximation of the level before.
        step: between the two neighbours, ``2 ** (level - 1)``; less than the shortest side.

    Returns:
        The approximation [B, C, *spatial - step], and the details [B, C, 2ⁿ - 1, *spatial - step] with n spatial axes:
        bit k of the detail's number, from 1, the highest first, says whether the difference (or else the sum) of
        neighbours was taken along axis k.
    """
    dims = x.ndim - 2
    convolution = F.conv2d if dims == 2 else F.conv3d
    bands = convolution(x.flatten(0, 1)[:, None], _haar_kernels(dims, x), dilation=step)
    bands = bands.unflatten(0, x.shape[:2])
    return bands[:, :, 0], bands[:, :, 1:]


def _haar_kernels(dims: int, like: torch.Tensor) -> torch.Tensor:
    """[2ⁿ, 1, 2, ...]: all products of sum and difference over √2, the sum first."""
    steps = like.new_tensor([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2)
    kernels = []
    for choice in itertools.product((0, 1), repeat=dims):
        kernel = like.new_ones(())
        for step in choice:
            kernel = kernel[..., None] * steps[step]
        kernels.append(kernel)
    return torch.stack(kernels)[:, None]


class WaveletContentLoss(nn.Module):
    """Mean absolute difference of the details of two images, the mean over levels of a stationary Haar transform.

    HQG-Net's pixel-level term. The approximation that the last level leaves is not compared: brightness, and whatever
    changes more slowly than ``2**max(levels)`` pixels, may become what the high-quality domain wants, while edges and
    texture must stay where they are. The paper's summary does not say which bands count; here all details of a level
    do alike. Without level 1, where noise of single pixels lives, such noise may go as well.

    The transform is stationary, with every shift of its grid. The usual one, on a single grid, does not see steps that
    lie on it: a generator finds that out and draws blocks of ``2**max(levels)`` pixels. Coefficients are brought to the
    scale of pixels (divided by √2 per level and axis), half the difference of local means; an edge is seen from more
    places, and so weighs more, at coarser levels. Gradient flows into ``pred`` only.

    Args:
        levels: of the transform, from 1, whose details are compared; level k holds those of ``2**k`` pixels. Sides
            shorter than that end the transform before.

    Raises:
        InputError: ``levels`` are no different whole numbers above 0.

    Example:
        >>> image = torch.rand(1, 1, 16, 16)
        >>> bool(WaveletContentLoss()(image + 0.2, image) < 1e-6)
        True
    """

    def __init__(self, levels: Sequence[int] = (1, 2, 3)) -> None:
        super().__init__()
        whole = all(isinstance(level, int) and not isinstance(level, bool) and level > 0 for level in levels)
        if not levels or not whole or len(set(levels)) < len(levels):
            raise InputError(f"the wavelet term's levels are {list(levels)}; give different whole numbers above 0.")
        self.levels = tuple(levels)

    def forward(self, pred: torch.Tensor, target: torch.Tensor | UnpairedTarget) -> torch.Tensor:
        """Compare images.

        Args:
            pred: [B, C, *spatial] in [0, 1], the enhanced images.
            target: an :class:`~monai_gradprom.losses.UnpairedTarget`, whose source counts, or images of that shape.

        Returns:
            A scalar >= 0, in float32 or wider.

        Raises:
            ValueError: the shapes differ.
        """
        source = source_of(target)
        if pred.shape != source.shape:
            raise ValueError(f"pred is {list(pred.shape)} and its source {list(source.shape)}; give the same shape.")
        # linear, so the details of the difference are the difference of the details; half precision would lose them
        rest = pred.to(torch.promote_types(pred.dtype, torch.float32)) - source
        terms = [rest.new_zeros(())]
        with torch.autocast(pred.device.type, enabled=False):
            for level in range(1, max(self.levels) + 1):
                step = 2 ** (level - 1)
                if min(rest.shape[2:]) <= step:
                    break
                rest, details = haar_transform(rest, step)
                scale = math.sqrt(2) ** (rest.ndim - 2)
                rest = rest / scale
                if level in self.levels:
                    terms.append(details.abs().mean() / scale)
        return torch.stack(terms).sum() / max(len(terms) - 1, 1)
