# SPDX-License-Identifier: Apache-2.0
"""Picking one frame of a sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monai_gradprom.errors import InputError

__all__ = ["choose_frame", "split_frames"]


def choose_frame(frame: int | None, frames: int, path: Path, shape: str = "") -> int:
    """The frame to take.

    Args:
        frame: zero-based; ``None`` only where there is a single one.
        frames: how many there are.
        path: the file, for the message.
        shape: what the message says of the file's shape.

    Raises:
        InputError: several frames and no ``frame``, or a ``frame`` out of range.
    """
    if frame is None and frames > 1:
        raise InputError(f"{path}: has {frames} frames{shape}; choose one with `frame`, 0 to {frames - 1}.")
    if frame is not None and not 0 <= int(frame) < frames:
        raise InputError(f"{path}: `frame` is {frame}, but its frames are numbered 0 to {frames - 1}.")
    return int(frame or 0)


def split_frames(array: np.ndarray, spatial_dims: int, frame: int | None, path: Path) -> tuple[np.ndarray, int]:
    """Reduce ``array`` to a single image of ``spatial_dims`` dimensions.

    Args:
        array: [C, *spatial, ...]; singleton axes after the spatial ones are dropped, one other axis is time.
        spatial_dims: spatial axes to keep.
        frame: zero-based frame; ``None`` only where there is a single one.
        path: the file, for the message.

    Returns:
        [C, *spatial], and how many axes the stored frame had (without channels, with singletons).

    Raises:
        InputError: several frames and no ``frame``, a ``frame`` out of range, or too many or too few axes.
    """
    shape = array.shape[1:]
    spatial, rest = shape[:spatial_dims], [n for n in shape[spatial_dims:] if n != 1]
    if len(spatial) < spatial_dims or len(rest) > 1:
        raise InputError(f"{path}: has shape {shape}; expected {spatial_dims} spatial axes and at most one of time.")
    if 0 in shape:
        raise InputError(f"{path}: has shape {shape}, an axis without pixels; put an intact copy in its place.")
    frames = rest[0] if rest else 1
    number = choose_frame(frame, frames, path, f" (shape {shape})")
    picked = array.reshape(array.shape[0], *spatial, frames)[..., number]
    return picked, len(shape) - len(rest)
