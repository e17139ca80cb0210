# SPDX-License-Identifier: Apache-2.0
"""How much of a file may be in memory at once, told by its header."""

from __future__ import annotations

import math

from monai_gradprom.errors import InputError
from monai_gradprom.formats import StoredImage

from .setup import Setup

__all__ = ["check_memory", "frames_at_once", "needs_bands", "rows_at_once"]

_GIB = 2**30
# stored values, float32 for the network and back, float64 while both are blended
_BYTES_PER_VALUE = 60
# of a frame in bands: as a decoder has it, as it is stored, and enhanced
_COPIES = 3


def check_memory(setup: Setup, image: StoredImage) -> None:
    """Refuse a file before anything of it is decoded.

    Raises:
        InputError: a single frame needs more than ``setup.memory``.
    """
    needed = _whole(setup, image)
    if needed > setup.memory and _can_have_bands(setup, image):
        needed = _banded(image)
    if needed > setup.memory:
        raise InputError(
            f"{image.path}: one frame of it takes about {needed:.2g} GiB while it is enhanced; "
            f"allow it with --memory {math.ceil(needed)} if the machine has that."
        )


def needs_bands(setup: Setup, image: StoredImage) -> bool:
    """Whether a frame is too large to be calculated with at once."""
    return _whole(setup, image) > setup.memory


def frames_at_once(setup: Setup, image: StoredImage) -> int:
    """How many whole frames are calculated with at once."""
    return max(1, min(setup.batch_size, int(setup.memory / _whole(setup, image))))


def rows_at_once(setup: Setup, image: StoredImage) -> int:
    """How many rows of a frame are calculated with at once, beside the frame itself: a quarter of what is allowed."""
    return max(1, int(setup.memory / 4 * image.shape[1] / _whole(setup, image)))


def _whole(setup: Setup, image: StoredImage) -> float:
    """GiB for a frame, calculated with at once."""
    channels = max(image.channels, setup.domain.network_channels(image))
    return float(math.prod(image.shape)) * channels * setup.factor ** len(image.shape) * _BYTES_PER_VALUE / _GIB


def _banded(image: StoredImage) -> float:
    """GiB for a frame, calculated with band by band, and the file."""
    samples = image.channels + getattr(image, "has_alpha", False)
    frame = float(math.prod(image.shape)) * samples * image.dtype.itemsize
    return (_COPIES * frame + image.path.stat().st_size) / _GIB * 4 / 3


def _can_have_bands(setup: Setup, image: StoredImage) -> bool:
    return setup.reach is not None and setup.factor == 1 and image.spatial_dims == 2
