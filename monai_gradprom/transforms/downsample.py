# SPDX-License-Identifier: Apache-2.0
"""Down-sampling for super-resolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms.utils import scale_affine
from torch.nn import functional as F

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.transforms.degradation_base import Degradation
from monai_gradprom.transforms.degradation_dict import Degradationd
from monai_gradprom.transforms.naming import image_name, image_size

__all__ = ["DOWNSAMPLINGS", "DownsampleDegradation", "DownsampleDegradationd"]

DOWNSAMPLINGS = ("area", "bicubic")


class DownsampleDegradation(Degradation):
    """Shrink every spatial side by a whole factor.

    ``"area"`` takes the mean of each block, as a detector with larger pixels would. ``"bicubic"`` is the anti-aliased
    bicubic filter (a = -0.5, widened by the factor) of Pillow's ``Image.resize`` and MATLAB's ``imresize``, which the
    super-resolution literature uses; it overshoots at edges, so the result is clamped to [0, 1].

    The affine follows: spacing times the factor, origin at the centre of the first block.

    Args:
        scale_factor: the paper's γ, 2 or 4.
        mode: ``"area"`` or ``"bicubic"``.

    Raises:
        InputError: an argument is none of these.
    """

    name = "downsample"
    seeded = False

    def __init__(self, scale_factor: int = 2, mode: str = "area") -> None:
        if scale_factor not in (2, 4):
            raise InputError(
                f"scale_factor is {scale_factor!r}, but degradation 'downsample' shrinks by 2 or 4: "
                "set --degradation downsample --scale_factor 2 (or 4)."
            )
        self.scale_factor = int(scale_factor)
        self.mode = check_choice("downsampling", mode, DOWNSAMPLINGS)

    def parameters(self) -> dict[str, Any]:
        """``scale_factor`` and ``mode``."""
        return {"scale_factor": self.scale_factor, "mode": self.mode}

    def __call__(self, img: torch.Tensor | np.ndarray, seed: int = 0) -> torch.Tensor:
        """Shrink; see :meth:`Degradation.__call__`.

        Args:
            img: floating-point image [C, *spatial] on the [0, 1] scale, 2-D or 3-D.
            seed: unused: nothing is random.

        Raises:
            InputError: a side is no multiple of the factor.
        """
        if any(n % self.scale_factor for n in img.shape[1:]):
            raise InputError(
                f"{image_name(img)}: is {image_size(img)} pixels, which does not divide by scale_factor "
                f"{self.scale_factor}; put CropToMultipled(keys, {self.scale_factor}) before the down-sampling."
            )
        out = super().__call__(img, seed)
        if isinstance(out, MetaTensor):
            scale = scale_affine(tuple(img.shape[1:]), tuple(out.shape[1:]))
            affine = out.affine.double()
            out.affine = affine @ torch.from_numpy(to_affine_nd(len(affine) - 1, scale)).to(affine.device)
        return out

    def degrade(self, clean: torch.Tensor, random: np.random.RandomState) -> torch.Tensor:
        """Filter and shrink one axis after the other; both filters are separable."""
        out = clean
        for axis in range(1, clean.ndim):
            out = self._shrink(out.movedim(axis, -1)).movedim(-1, axis)
        return out.contiguous()

    def _shrink(self, lines: torch.Tensor) -> torch.Tensor:
        *rest, n = lines.shape
        if self.mode == "area":
            return lines.reshape(*rest, n // self.scale_factor, self.scale_factor).mean(dim=-1)
        # all lines as the rows of one picture, whose height stays
        rows = lines.reshape(1, 1, -1, n)
        size = (rows.shape[2], n // self.scale_factor)
        return F.interpolate(rows, size=size, mode="bicubic", antialias=True).reshape(*rest, -1)


class DownsampleDegradationd(Degradationd):
    """Dictionary twin of :class:`DownsampleDegradation`.

    Args:
        keys: images to shrink; the clean ``label`` keeps its size.
        scale_factor: see :class:`DownsampleDegradation`.
        mode: see :class:`DownsampleDegradation`.
        allow_missing_keys: skip keys that an item lacks.
    """

    def __init__(
        self, keys: KeysCollection, scale_factor: int = 2, mode: str = "area", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, DownsampleDegradation(scale_factor, mode), allow_missing_keys=allow_missing_keys)
