# SPDX-License-Identifier: Apache-2.0
"""Before, after and difference of one file, small enough for a page, without what must not be seen."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_gradprom.formats.stored import StoredImage

from .thumbnail_scales import difference_scale, grey_range, palette

__all__ = ["BUDGET", "Thumbnail", "may_be_shown", "thumbnail"]

BUDGET = 150_000
"""Bytes that the three encoded pictures of one file may take together."""

_MOST_VALUES = 16_000_000  # of a frame; larger ones would take too much memory
_SIDES = (384, 256, 176, 128)
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601

_Picture = NDArray[np.float32]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Thumbnail:
    """Three PNG pictures of one size, as data URIs."""

    before: str
    after: str
    difference: str
    width: int
    height: int
    frame: int
    """Which one is shown, from 1."""
    frames: int
    scale: float
    """Change, in stored values, that the difference shows in full colour; 0 where nothing changed."""
    reduced: float
    """Size of a shown pixel, in pixels of the enhanced image."""
    masked: bool
    """Only pixels inside ultrasound regions are shown."""


def may_be_shown(image: StoredImage, everything: bool) -> bool:
    """Whether there are pixels that are known to be image and not writing, or the user wants all of them.

    Args:
        image: the source.
        everything: ``--thumbnails`` was given.
    """
    return everything or bool(image.regions)


def thumbnail(before: StoredImage, after: StoredImage, everything: bool = False) -> Thumbnail:
    """One frame from the middle, through the source's own window.

    Args:
        before: the source, opened with ``spatial_dims`` 2.
        after: the enhanced file, likewise; its frames may be larger by a whole factor.
        everything: also show pixels outside ultrasound regions.

    Returns:
        Pictures cropped to the regions and black outside them, unless ``everything``; both in the grey scale of
        ``before``, and their difference (of the luminance, for colour) in stored values.

    Raises:
        InputError: the pixels cannot be decoded.
        ValueError: there is nothing that may be shown, or a frame is too large.
    """
    if after.channels * math.prod(after.shape) > _MOST_VALUES:
        raise ValueError("a frame is too large for a picture")
    index = before.frames // 2
    old, new, inside = _frames(before, after, index, everything)
    change = np.where(inside, _luminance(new) - _luminance(old), 0)
    scale = difference_scale(change[inside])
    low, high = grey_range(before, old, inside)
    slope, intercept = before.rescale
    greys = [_grey(slope * p + intercept, low, high, before.inverted) * inside for p in (old, new)]
    for side in _SIDES:
        shape = _fitted(inside.shape, side)
        pictures = [*(_png(grey, shape) for grey in greys), _difference_png(change, scale, shape)]
        if sum(map(len, pictures)) <= BUDGET:
            break
    first, second, third = ("data:image/png;base64," + base64.b64encode(data).decode() for data in pictures)
    return Thumbnail(
        first, second, third, *shape, index + 1, before.frames, scale, inside.shape[0] / shape[0], not everything
    )


def _frames(before: StoredImage, after: StoredImage, index: int, everything: bool) -> tuple[_Picture, _Picture, _Mask]:
    """Frame ``index`` before (enlarged) and after, and which pixels may be seen; cropped to those."""
    mask = np.ones(before.shape, bool) if everything else _region_mask(before)
    box = _bounding_box(mask)
    old = _frame(before, index)[:, box[0], box[1]]
    factor = after.shape[0] // before.shape[0]
    columns, rows = (slice(part.start * factor, part.stop * factor) for part in box)
    new = _frame(after, (2 * index + 1) * after.frames // (2 * before.frames))[:, columns, rows]
    inside = np.kron(mask[box], np.ones((factor, factor), bool))
    # Cropped before it is enlarged: what lies outside the box cannot shine into it.
    old = np.stack([_resized(channel, inside.shape, Image.Resampling.BICUBIC) for channel in old])
    return old, new, inside


def _region_mask(image: StoredImage) -> _Mask:
    if not image.regions:
        raise ValueError("no ultrasound region, so nothing that may be shown")
    mask = np.zeros(image.shape, bool)
    for x0, y0, x1, y1 in image.regions:
        mask[max(x0, 0) : max(x1, 0), max(y0, 0) : max(y1, 0)] = True
    return mask


def _bounding_box(mask: _Mask) -> tuple[slice, slice]:
    if not mask.any():
        raise ValueError("no ultrasound region lies in the picture")
    ends = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)]
    return slice(int(ends[0][0]), int(ends[0][-1]) + 1), slice(int(ends[1][0]), int(ends[1][-1]) + 1)


def _frame(image: StoredImage, index: int) -> _Picture:
    """[channels, columns, rows] in stored values."""
    return image.read(index, index + 1)[0].astype(np.float32)


def _luminance(picture: _Picture) -> _Picture:
    return picture[0] if len(picture) == 1 else np.tensordot(_LUMINANCE, picture, 1)


def _grey(units: _Picture, low: float, high: float, inverted: bool) -> _Picture:
    """[channels, columns, rows] from 0 (black) to 255."""
    shown = np.clip(np.nan_to_num((units - low) / (high - low)), 0, 1) * 255
    return 255 - shown if inverted else shown


def _fitted(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    share = min(1.0, side / max(shape))
    return max(1, round(shape[0] * share)), max(1, round(shape[1] * share))


def _resized(channel: _Picture, shape: tuple[int, ...], how: Image.Resampling) -> _Picture:
    """[columns, rows] resampled to ``shape``."""
    if channel.shape == shape:
        return channel
    picture = Image.fromarray(channel.T.astype(np.float32)).resize((shape[0], shape[1]), how)
    return np.asarray(picture).T


def _png(picture: _Picture, shape: tuple[int, int]) -> bytes:
    channels = [np.rint(_resized(channel, shape, Image.Resampling.BOX)).T.astype(np.uint8) for channel in picture]
    return _encoded(Image.fromarray(channels[0] if len(channels) == 1 else np.stack(channels, -1)))


def _difference_png(change: _Picture, scale: float, shape: tuple[int, int]) -> bytes:
    share = _resized(change, shape, Image.Resampling.BOX) / (scale or 1)
    picture = Image.fromarray((128 + np.rint(127 * np.clip(np.nan_to_num(share), -1, 1))).T.astype(np.uint8))
    picture.putpalette(palette())
    return _encoded(picture)


def _encoded(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
