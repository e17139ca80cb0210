# SPDX-License-Identifier: Apache-2.0
"""Making large images smaller before anything else sees them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import InvertibleTransform, MapTransform, Resize
from monai.utils import TraceKeys, convert_to_tensor, ensure_tuple
from scipy import ndimage
from torch.nn import functional as F

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.shared_pixels import each_once

__all__ = ["ResizeLongSide", "ResizeLongSided", "resize_smoothly"]


class ResizeLongSide(InvertibleTransform):
    """Shrink an image until its longer side fits; an image that fits already stays as it is.

    A Gaussian filter of sigma (factor - 1) / 2, scikit-image's rule, goes before MONAI's linear ``Resize``. MONAI's own
    ``anti_aliasing`` pads with black and so leaves a dark frame; here the border is mirrored.

    The inverse resizes back to the original size, linearly: the detail that was filtered away stays lost, so an image
    that is enhanced for a clinic should not pass through here.

    Args:
        long_side: longest side of the result, pixels; ``None`` leaves every image alone.
        mask: take nearest neighbours, unfiltered, and keep the dtype.

    Raises:
        InputError: ``long_side`` is no positive whole number.
    """

    backend = Resize.backend

    def __init__(self, long_side: int | None = None, mask: bool = False) -> None:
        if long_side is not None and (not isinstance(long_side, int) or long_side < 1):
            raise InputError(f"long_side is {long_side!r}; give a whole number of pixels, or null to keep every size.")
        self.long_side = long_side
        self.mask = mask
        # nearest-exact has no half-pixel shift against linear
        mode = "nearest-exact" if mask else "bilinear"
        self.resize = Resize(long_side or 1, size_mode="longest", mode=mode)

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        """Resize.

        Args:
            img: [C, *spatial] of any dtype; integers are filtered in float32, rounded and kept.

        Returns:
            Same channels, dtype and aspect (to the nearest pixel); the affine of a MetaTensor follows.
        """
        if self.long_side is None:
            return img
        out: torch.Tensor = convert_to_tensor(img, track_meta=get_track_meta()).clone()
        factor = max(out.shape[1:]) / self.long_side
        if factor > 1:
            out = _like(out, self.resize(out if self.mask else _smooth(out, [factor] * (out.ndim - 1))))
        self.push_transform(out, extra_info={"resized": factor > 1})
        return out

    def inverse(self, img: torch.Tensor) -> torch.Tensor:
        """Resize back to the original size; ``img`` must carry the trace of ``__call__`` (as ``Invertd`` gives it)."""
        if self.long_side is None or not self.pop_transform(img)[TraceKeys.EXTRA_INFO]["resized"]:
            return img
        return self.resize.inverse(img).to(img.dtype)


def _smooth(img: torch.Tensor, factors: Sequence[float]) -> torch.Tensor:
    """Filter away what an image shrunk by ``factors`` cannot show, in float32; metadata are kept."""
    sigmas = [max(factor - 1, 0) / 2 for factor in factors]
    values = img.detach().cpu().float().numpy()
    smooth = ndimage.gaussian_filter(values, sigmas, mode="mirror", axes=tuple(range(1, img.ndim)))
    out = torch.from_numpy(smooth).to(img.device)
    return MetaTensor(out).copy_meta_from(img) if isinstance(img, MetaTensor) else out


def _like(source: torch.Tensor, img: torch.Tensor) -> torch.Tensor:
    """``img`` in the dtype of ``source``, rounded where that is an integer."""
    return (img if source.is_floating_point() else img.round()).to(source.dtype)


def resize_smoothly(img: torch.Tensor, size: Sequence[int], mask: bool = False) -> torch.Tensor:
    """Resize to a given size without aliasing and without the dark frame of MONAI's ``anti_aliasing``.

    Args:
        img: [C, *spatial], floating point, two or three spatial axes; images are filtered by :class:`ResizeLongSide`'s
            rule along each axis that shrinks.
        size: of the result.
        mask: take nearest neighbours, unfiltered.

    Returns:
        [C, *size], float32.
    """
    if mask:
        return F.interpolate(img[None], tuple(size), mode="nearest-exact")[0]
    factors = [side / new for side, new in zip(img.shape[1:], size, strict=True)]
    mode = "bilinear" if len(factors) == 2 else "trilinear"
    return F.interpolate(_smooth(img, factors)[None], tuple(size), mode=mode)[0]


class ResizeLongSided(MapTransform, InvertibleTransform):
    """Dictionary twin of :class:`ResizeLongSide`, for use with :class:`monai.transforms.Invertd`.

    It belongs before the degradation.

    Args:
        keys: images.
        mask_keys: masks, which keep their values and dtype.
        long_side: see :class:`ResizeLongSide`.
        allow_missing_keys: skip keys that an item lacks.
    """

    backend = ResizeLongSide.backend

    def __init__(
        self,
        keys: KeysCollection,
        mask_keys: KeysCollection = (),
        long_side: int | None = None,
        allow_missing_keys: bool = True,
    ) -> None:
        masks = ensure_tuple(mask_keys)
        super().__init__((*ensure_tuple(keys), *masks), allow_missing_keys)
        self.resizers = [ResizeLongSide(long_side, mask=key in masks) for key in self.keys]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resize every key; see :meth:`ResizeLongSide.__call__`."""
        d = dict(data)
        each_once(d, list(self.key_iterator(d, self.resizers)))
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Undo every key; see :meth:`ResizeLongSide.inverse`."""
        d = dict(data)
        for key, resize in self.key_iterator(d, self.resizers):
            d[key] = resize.inverse(d[key])
        return d
