# SPDX-License-Identifier: Apache-2.0
"""How much of an image, and how many images, a network is given at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from monai.inferers import SimpleInferer, SlidingWindowInferer

from monai_gradprom.errors import InputError
from monai_gradprom.inferers import HaloInferer, PaddedInferer

__all__ = ["batches", "check_tiles", "frames_at_once", "set_tiles_at_once", "with_tile_size"]


def with_tile_size(inferer: Any, tile_size: int) -> Any:
    """The inferer with tiles of at most ``tile_size`` pixels a side.

    Raises:
        InputError: the size is no positive number, or the inferer knows no tiles.
    """
    if isinstance(inferer, SlidingWindowInferer) and tile_size >= 1:
        inferer.roi_size = tile_size
        return inferer
    if isinstance(inferer, PaddedInferer):
        return HaloInferer(tile_size, inferer.size_multiple)
    if type(inferer) is SimpleInferer:
        return HaloInferer(tile_size)
    raise InputError(f"tile_size {tile_size!r} does not go with the bundle's {type(inferer).__name__}; leave it out.")


def check_tiles(inferer: Any, network: Any, channels: int, spatial_dims: int, device: torch.device) -> None:
    """Find out now, and not at the first large image, whether the network can be tiled.

    Raises:
        InputError: the network's result in tiles would not be that of the whole image.
    """
    if isinstance(inferer, HaloInferer) and inferer.tile_size is not None:
        strip = [inferer.tile_size + 1] + [16] * (spatial_dims - 1)
        with torch.no_grad():
            inferer(torch.zeros(1, channels, *strip, device=device), network)


def frames_at_once(inferer: Any, shape: tuple[int, ...], batch_size: int) -> int:
    """``batch_size``, or 1 for images that go through in tiles, ``batch_size`` of which are then a batch."""
    tile_size = getattr(inferer, "tile_size", None)
    if tile_size is None and isinstance(inferer, SlidingWindowInferer):
        roi = inferer.roi_size
        tile_size = roi if isinstance(roi, int) else max(roi)
    return 1 if tile_size is not None and max(shape) > tile_size > 0 else batch_size


def batches(inferer: Any, shapes: Sequence[tuple[int, ...]], batch_size: int) -> Iterator[list[tuple[int, int]]]:
    """Which frames go through together, as (file, frame).

    Args:
        inferer: the bundle's.
        shapes: of each file: frames, channels, and the sides of each frame.
        batch_size: images or tiles at once.
    """
    groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for file, shape in enumerate(shapes):
        groups.setdefault(shape[1:], []).extend((file, frame) for frame in range(shape[0]))
    for frame_shape, places in groups.items():
        count = frames_at_once(inferer, frame_shape[1:], batch_size)
        yield from (places[first : first + count] for first in range(0, len(places), count))


def set_tiles_at_once(inferer: Any, batch_size: int) -> None:
    """Let the inferer hand the network as many tiles at once as frames."""
    if isinstance(inferer, HaloInferer):
        inferer.batch_size = batch_size
    elif isinstance(inferer, SlidingWindowInferer):
        inferer.sw_batch_size = batch_size
