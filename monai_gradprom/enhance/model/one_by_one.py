# SPDX-License-Identifier: Apache-2.0
"""Batches that fail: which of their frames is at fault, and what to tell of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from monai_gradprom.errors import InputError

from .devices import is_out_of_memory

__all__ = ["together_or_one_by_one"]

Window = tuple[float, float]


def together_or_one_by_one(
    enhance: Callable[[torch.Tensor, Sequence[Window], int], torch.Tensor],
    frames: torch.Tensor,
    ranges: Sequence[Window],
    batch_size: int,
) -> torch.Tensor:
    """One batch; if that is too much, frame by frame.

    Args:
        enhance: called with the other three.
        frames: [B, C, *spatial].
        ranges: of each frame (low, high).
        batch_size: how many frames, or tiles of a frame, go through the network at once.

    Returns:
        What ``enhance`` returns, [B, ...].

    Raises:
        InputError: it fails over a single frame, too.
    """
    try:
        return enhance(frames, ranges, batch_size)
    except InputError:
        raise
    except Exception as error:  # a network may raise anything over one image; the others are not at fault
        problem = error.with_traceback(None)  # which would hold on to the batch's memory
    if len(frames) > 1 or (batch_size > 1 and is_out_of_memory(problem)):
        torch.cuda.empty_cache()  # does nothing where CUDA is not in use
        singles = (slice(i, i + 1) for i in range(len(frames)))
        return torch.cat([together_or_one_by_one(enhance, frames[one], ranges[one], 1) for one in singles])
    shape = list(frames.shape[1:])
    if is_out_of_memory(problem):
        raise InputError(f"an image of {shape} takes more memory than there is; set a smaller tile size.")
    text = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
    raise InputError(f"the bundle cannot be applied to an image of {shape} ({text}).") from problem
