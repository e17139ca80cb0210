# SPDX-License-Identifier: Apache-2.0
"""By how much a transform stretches intensities, seen from what it makes of an image."""

from __future__ import annotations

import torch

from monai_gradprom.errors import InputError

__all__ = ["Gain", "gain"]

Gain = torch.Tensor
"""float64, [C, 1, ...]: how far a channel's values are stretched; NaN: the channel is flat, so that nobody can tell."""

_SAMPLES = 4096
_TOLERANCE = 1e-3  # of the range of the values


def gain(before: torch.Tensor, after: torch.Tensor, name: str) -> Gain | None:
    """The slope of the affine map, pixel by pixel, from ``before`` to ``after``.

    MONAI's intensity transforms (``ScaleIntensityRange``, ``NormalizeIntensity``, ...) know no way back. Each is affine
    for one channel of one image, apart from values that it clips: those are left out.

    Args:
        before: [C, *spatial].
        after: the same image transformed; of the same shape.
        name: of the transform, for the message.

    Returns:
        The slope of each channel, or None where nothing changed but rounding.

    Raises:
        InputError: the map is not affine, so that the network's change cannot be brought back to the image's units.
    """
    pairs = list(zip(_sampled(before), _sampled(after), strict=True))
    if all((x - y).abs().max() <= _TOLERANCE * (x.max() - x.min()) for x, y in pairs):
        return None
    channels = [_slope(x, y, name) for x, y in pairs]
    return torch.tensor(channels, dtype=torch.float64).reshape(-1, *[1] * (before.ndim - 1))


def _sampled(image: torch.Tensor) -> torch.Tensor:
    flat = torch.as_tensor(image).detach().cpu().double().flatten(1)
    return flat[:, :: max(1, flat.shape[1] // _SAMPLES)]


def _slope(x: torch.Tensor, y: torch.Tensor, name: str) -> float:
    free = (y > y.min()) & (y < y.max())
    # two values, neither clipped, are all that an image of two values has
    chosen = free if free.any() and (x[free] != x[free][0]).any() else torch.ones_like(free)
    u, v = x[chosen] - x[chosen].mean(), y[chosen] - y[chosen].mean()
    if not u.any() or not v.any():
        return float("nan")
    slope = (u * v).sum() / u.square().sum()
    if (v - slope * u).abs().max() > _TOLERANCE * (y.max() - y.min()):
        raise InputError(
            f"the bundle's {name} does not map intensities pixel by pixel along a line, so that a change cannot be "
            "brought back to the image's own units; use a bundle that scales intensities linearly."
        )
    return slope.item()
