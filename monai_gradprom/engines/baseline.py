# SPDX-License-Identifier: Apache-2.0
"""What an enhanced image has to beat: the degraded image as a viewer shows it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from monai_gradprom.errors import InputError

from .task import plain

__all__ = ["enlarged_to"]


def enlarged_to(image: Tensor, sides: Sequence[int]) -> Tensor:
    """Show a degraded image at the clean image's size.

    Args:
        image: [B, C, *spatial], intensities in [0, 1].
        sides: spatial shape to reach: that of ``image`` or a whole multiple of it.

    Returns:
        ``image`` itself where the size is right already. Else float32 [B, C, *sides] in [0, 1] without metadata,
        interpolated bicubically (pixels as areas, ``align_corners=False``; a volume trilinearly) and clamped, since
        cubic interpolation overshoots.

    Raises:
        InputError: ``sides`` is no whole multiple of the image's.
    """
    given, wanted = list(image.shape[2:]), list(sides)
    if given == wanted:
        return image
    factor = wanted[0] // given[0]
    if wanted != [factor * side for side in given]:
        raise InputError(
            f"an image of {given} pixels stands beside one of {wanted}, which is no whole multiple of it; crop the "
            "clean image to a multiple of scale_factor before down-sampling."
        )
    mode = "bicubic" if len(given) == 2 else "trilinear"
    return F.interpolate(plain(image).float(), size=wanted, mode=mode, align_corners=False).clamp(0, 1)
