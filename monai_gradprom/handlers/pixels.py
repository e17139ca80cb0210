# SPDX-License-Identifier: Apache-2.0
"""What every picture of an evaluation needs: pixels as one looks at them, and the two numbers below them."""

from __future__ import annotations

import numpy as np
import torch
from monai.utils import convert_to_tensor
from torch.nn import functional as F

from monai_gradprom.metrics import psnr, ssim

__all__ = ["quality_caption", "reduced", "to_pixels"]

_LONGEST = 1000  # pixels kept of an image's longer side: more than a column of a page shows


def to_pixels(image: torch.Tensor) -> np.ndarray:
    """An image [C, W, H] in [0, 1] as one looks at it, its longer side bounded by averaging.

    Returns:
        float32 [H, W, 3] or [H, W], clipped to [0, 1].
    """
    plain = convert_to_tensor(image, dtype=torch.float32, track_meta=False).detach().cpu().clamp(0, 1)
    pixels = reduced(plain if len(plain) == 3 else plain[:1]).permute(2, 1, 0).numpy()
    return pixels if pixels.shape[2] == 3 else pixels[..., 0]


def quality_caption(image: torch.Tensor, reference: torch.Tensor) -> str:
    """PSNR and SSIM of an image [C, W, H], clamped to [0, 1], against the clean one of the same shape."""
    pair = [convert_to_tensor(i, dtype=torch.float32, track_meta=False)[None].clamp(0, 1) for i in (image, reference)]
    return f"{float(psnr(*pair)):.2f} dB, SSIM {float(ssim(*pair)):.3f}"


def reduced(image: torch.Tensor) -> torch.Tensor:
    """An image [C, W, H] whose longer side is bounded, by averaging."""
    longest = max(image.shape[1:])
    if longest <= _LONGEST:
        return image.clone()
    size = [max(1, round(side * _LONGEST / longest)) for side in image.shape[1:]]
    return F.interpolate(image[None], size=size, mode="area")[0]
