# SPDX-License-Identifier: Apache-2.0
"""How steady a cine is: its brightness from frame to frame, and what is left of its changes without motion."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.ndimage import map_coordinates
from skimage.registration import optical_flow_tvl1

from monai_gradprom.errors import InputError

__all__ = ["brightness", "flicker", "motion", "warped_change"]


def brightness(frames: np.ndarray, region: np.ndarray | None = None) -> np.ndarray:
    """Mean of each frame.

    Args:
        frames: [T, *spatial].
        region: where it is not zero, pixels count: [*spatial], or [T, *spatial] for one that moves. None: all count.

    Returns:
        float64 [T]; nan where the region is empty.
    """
    inside = _inside(frames, region)
    axes = tuple(range(1, frames.ndim))
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(inside, frames, 0).sum(axes, dtype=np.float64) / inside.sum(axes)
    return mean


def flicker(frames: np.ndarray, region: np.ndarray | None = None) -> float:
    """Mean absolute change of :func:`brightness` from a frame to the next.

    Motion changes brightness too. What an enhancer adds is seen in the flicker of its change, ``enhanced - source``: 0
    if it makes all frames brighter or darker by one amount.

    Args:
        frames: [T, *spatial], two or more.
        region: see :func:`brightness`.

    Returns:
        In the frames' own units; nan where the region is empty in a frame.

    Raises:
        InputError: there is one frame only.
    """
    _check(frames)
    return float(np.abs(np.diff(brightness(frames, region))).mean())


def motion(frames: np.ndarray) -> np.ndarray:
    """Where each pixel of a frame is found in the next one: TV-L1 optical flow, as scikit-image has it.

    Zach, Pock, Bischof, "A duality based approach for realtime TV-L1 optical flow", DAGM 2007.

    Args:
        frames: [T, *spatial], two or more.

    Returns:
        Pixels, float32 [T - 1, axes, *spatial]: frame t at ``p`` is frame t + 1 at ``p + motion[t, :, p]``.

    Raises:
        InputError: there is one frame only.
    """
    _check(frames)
    scaled = frames.astype(np.float32)
    scaled = (scaled - scaled.min()) / (np.ptp(scaled) or 1)  # its weights are meant for values from 0 to 1
    return np.stack([optical_flow_tvl1(now, after) for now, after in pairwise(scaled)])


def warped_change(frames: np.ndarray, flow: np.ndarray, region: np.ndarray | None = None) -> float:
    """Mean absolute difference of each frame and the next one, brought back along its motion.

    The warping error of Lai et al., "Learning blind video temporal consistency", ECCV 2018, with absolute differences
    and without their search for what is hidden: take one flow, of the source, for all versions of a cine that are
    compared. Noise counts; so does blur, in favour of who blurs.

    Args:
        frames: [T, *spatial], two or more.
        flow: of :func:`motion`.
        region: in the earlier frame; see :func:`brightness`. Pixels that leave the image never count.

    Returns:
        In the frames' own units, over all pixels that count; nan if none does.

    Raises:
        InputError: there is one frame only, or the flow is that of other frames.
    """
    _check(frames)
    if flow.shape != (len(frames) - 1, frames.ndim - 1, *frames.shape[1:]):
        raise InputError(f"the flow {list(flow.shape)} is not that of the frames {list(frames.shape)}; use motion().")
    inside = _inside(frames, region)
    grid = np.indices(frames.shape[1:], dtype=np.float64)
    total, count = 0.0, 0
    for now, after, shift, counts in zip(frames[:-1], frames[1:], flow, inside[:-1], strict=True):
        warped = map_coordinates(after.astype(np.float64), grid + shift, order=1, mode="constant", cval=np.nan)
        known = counts & ~np.isnan(warped)
        total += float(np.abs(now[known] - warped[known]).sum())
        count += int(known.sum())
    return total / count if count else float("nan")


def _inside(frames: np.ndarray, region: np.ndarray | None) -> np.ndarray:
    return np.ones(frames.shape, bool) if region is None else np.broadcast_to(region != 0, frames.shape)


def _check(frames: np.ndarray) -> None:
    if len(frames) < 2:
        raise InputError(f"steadiness is between frames, but there is {len(frames)}; give a cine of two or more.")
