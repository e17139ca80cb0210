# SPDX-License-Identifier: Apache-2.0
"""How a message to the user calls an image and its size."""

from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor

__all__ = ["image_name", "image_size"]


def image_name(img: torch.Tensor | np.ndarray, default: str = "The image") -> str:
    """The file that ``img`` was read from, or ``default`` where it does not know."""
    meta = img.meta if isinstance(img, MetaTensor) else {}
    return str(meta.get("filename_or_obj") or default)


def image_size(img: torch.Tensor | np.ndarray) -> str:
    """The spatial shape of ``img`` [C, W, H] or [C, W, H, D], as in "640 x 480": the width comes first."""
    return " x ".join(str(int(n)) for n in img.shape[1:])
