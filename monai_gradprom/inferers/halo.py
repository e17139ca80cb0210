# SPDX-License-Identifier: Apache-2.0
"""Large images tile by tile, with the result of the whole image."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from monai.data import MetaTensor

from monai_gradprom.errors import InputError
from monai_gradprom.inferers.declared import declared, unwrapped
from monai_gradprom.inferers.padded import PaddedInferer, enlargement
from monai_gradprom.inferers.spans import cut_axis, smallest_window

__all__ = ["HaloInferer"]


class HaloInferer(PaddedInferer):
    """Apply a network tile by tile, so that memory is bounded and the result is that of the whole image.

    Each tile overlaps its neighbours by the network's ``receptive_radius`` on either side, in real pixels, and only
    those outputs are kept whose whole receptive field lay inside the tile or reached the image's own border, where the
    network pads as it always does. MONAI's ``SlidingWindowInferer`` and ``PatchInferer`` average overlapping windows,
    outputs beside a window's edge included, so that padding inside the image shows in their result.

    All tiles of an image have one size, so that a compiled or autotuned network meets one shape. Networks in eval mode
    only: batch statistics differ from tile to tile.

    Args:
        tile_size: no tile, its halo included, is longer than this many pixels on any side. None: whole images.
        size_multiple: see :class:`PaddedInferer`; tiles begin at and are long multiples of it.
        batch_size: how many tiles go through the network at once.

    Raises:
        InputError: an argument that is not a positive whole number.

    Example:
        >>> from monai_gradprom.networks import SRResNet
        >>> network, image = SRResNet(num_blocks=1, channels=4).eval(), torch.rand(1, 1, 70, 90)
        >>> torch.allclose(HaloInferer(tile_size=40)(image, network), network(image), atol=1e-5)
        True
    """

    def __init__(self, tile_size: int | None = None, size_multiple: int = 1, batch_size: int = 1) -> None:
        for name, value in (("tile_size", tile_size), ("size_multiple", size_multiple), ("batch_size", batch_size)):
            if (value is None and name != "tile_size") or (value is not None and not _is_count(value)):
                raise InputError(f"the inferer's {name} is {value!r}; give a positive whole number of pixels or tiles.")
        super().__init__(size_multiple)
        self.tile_size = None if tile_size is None else int(tile_size)
        self.batch_size = int(batch_size)

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Apply ``network`` to ``inputs`` [B, C, *spatial]; further arguments reach the network as they are.

        Returns:
            [B, C_out, *spatial], or enlarged by the whole factor by which the network enlarges.

        Raises:
            InputError: tiles are needed, but the network declares no ``receptive_radius`` or ``tile_size`` is too small
                for it; or the network enlarges by no whole factor.
        """
        if self.tile_size is None or max(inputs.shape[2:]) <= self.tile_size:
            return super().__call__(inputs, network, *args, **kwargs)
        multiple = self._multiple(network)
        halo = self._halo(network, inputs, multiple)
        # tiles without metadata: each operation on a MetaTensor costs Python time
        pixels = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs

        def tiled(padded: torch.Tensor) -> torch.Tensor:
            return self._tiled(padded, lambda x: network(x, *args, **kwargs), halo, multiple)

        out = self._padded(pixels, tiled, multiple)
        return MetaTensor(out).copy_meta_from(inputs) if isinstance(inputs, MetaTensor) else out

    def _halo(self, network: Any, inputs: torch.Tensor, multiple: int) -> int:
        """The network's radius, if tiles of this size can be exact."""
        radius = declared(network, "receptive_radius")
        if radius is None:
            raise InputError(
                f"an image of {list(inputs.shape[2:])} pixels needs tiles under tile_size {self.tile_size}, but "
                f"{type(unwrapped(network)).__name__} normalises over the whole image or does not declare its "
                "receptive_radius, so that tiles would change the result: set tile_size None (on a command line "
                "--tile_size '$None') or use another network."
            )
        smallest = smallest_window(radius, multiple)
        if self.tile_size is not None and self.tile_size < smallest:
            raise InputError(
                f"tile_size {self.tile_size} leaves no room between two halos of {radius} pixels, the receptive radius "
                f"of {type(unwrapped(network)).__name__}: set --tile_size to {smallest} or more."
            )
        return int(radius)

    def _tiled(
        self, inputs: torch.Tensor, apply: Callable[[torch.Tensor], torch.Tensor], halo: int, multiple: int
    ) -> torch.Tensor:
        axes = [cut_axis(side, self.tile_size or side, halo, multiple) for side in inputs.shape[2:]]
        tiles = [(image, spans) for image in range(len(inputs)) for spans in itertools.product(*axes)]
        out = None
        for first in range(0, len(tiles), self.batch_size):
            group = tiles[first : first + self.batch_size]
            windows = torch.stack([inputs[image][_index(span.window() for span in spans)] for image, spans in group])
            results = apply(windows)
            factor = enlargement(windows, results)
            if out is None:
                sides = [factor * side for side in inputs.shape[2:]]
                out = results.new_empty(len(inputs), results.shape[1], *sides)
            for (image, spans), result in zip(group, results, strict=True):
                core = result[_index(span.core_in_window(factor) for span in spans)]
                out[image][_index(span.core(factor) for span in spans)] = core
        assert out is not None
        return out


def _index(slices: Iterable[slice]) -> tuple[slice, ...]:
    """Of one image [C, *spatial]."""
    return (slice(None), *slices)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
