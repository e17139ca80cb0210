# SPDX-License-Identifier: Apache-2.0
"""Whole images through networks that only take sides divisible by something."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import SimpleInferer

from monai_gradprom.errors import InputError
from monai_gradprom.inferers.declared import declared
from monai_gradprom.networks.padding import crop_padding, repeat_to_multiple

__all__ = ["PaddedInferer", "enlargement"]


def enlargement(inputs: torch.Tensor, outputs: torch.Tensor) -> int:
    """By which whole factor a network enlarges: 1 for denoising, 2 or 4 for super-resolution.

    Args:
        inputs: [B, C, *spatial], what the network was given.
        outputs: what it returned.

    Raises:
        InputError: the spatial shape of ``outputs`` is no whole multiple of that of ``inputs``.
    """
    given, made = list(inputs.shape[2:]), list(outputs.shape[2:])
    factor = made[0] // given[0] if made else 0
    if factor < 1 or made != [factor * side for side in given]:
        raise InputError(
            f"the network makes {made} of {given}, which is no whole multiple, so that padding or tiling cannot be "
            "undone: use size_multiple 1 and tile_size None (on a command line --tile_size '$None')."
        )
    return factor


class PaddedInferer(SimpleInferer):
    """Repeat the border up to a size multiple, apply the network, crop back.

    A U-Net with n halvings needs sides divisible by 2ⁿ; clinical images have any size. Where a side already divides,
    and always under a multiple of 1, this is :class:`monai.inferers.SimpleInferer`.

    Args:
        size_multiple: what every spatial side shall be divisible by; a network that declares a ``size_multiple`` gets
            the least common multiple of both.
    """

    def __init__(self, size_multiple: int = 1) -> None:
        super().__init__()
        self.size_multiple = int(size_multiple)

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Apply ``network`` to ``inputs`` [B, C, *spatial].

        Returns:
            [B, C_out, *spatial], or enlarged by the whole factor by which the network enlarges.

        Raises:
            InputError: something was padded and the network enlarges by no whole factor.
        """
        return self._padded(inputs, lambda x: network(x, *args, **kwargs), self._multiple(network))

    def _multiple(self, network: Any) -> int:
        return math.lcm(self.size_multiple, declared(network, "size_multiple", 1) or 1)

    @staticmethod
    def _padded(inputs: torch.Tensor, apply: Callable[[torch.Tensor], torch.Tensor], multiple: int) -> torch.Tensor:
        if all(side % multiple == 0 for side in inputs.shape[2:]):
            return apply(inputs)
        padded, widths = repeat_to_multiple(inputs, multiple)
        out = apply(padded)
        factor = enlargement(padded, out)
        return crop_padding(out, [factor * width for width in widths])
