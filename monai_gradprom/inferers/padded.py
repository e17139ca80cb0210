# SPDX-License-Identifier: Apache-2.0
"""Whole images through networks that only take sides divisible by something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import SimpleInferer

from monai_gradprom.networks.padding import crop_padding, pad_to_multiple

__all__ = ["PaddedInferer"]


class PaddedInferer(SimpleInferer):
    """Pad with zeros to a size multiple, apply the network, crop back.

    A U-Net with n halvings needs sides divisible by 2ⁿ; clinical images have any size. Where a side already divides,
    and always under ``size_multiple=1``, this is :class:`monai.inferers.SimpleInferer`.

    Args:
        size_multiple: what the network wants every spatial side to be divisible by.
    """

    def __init__(self, size_multiple: int = 1) -> None:
        super().__init__()
        self.size_multiple = int(size_multiple)

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Apply ``network`` to ``inputs`` [B, C, *spatial]; the result has their spatial shape."""
        if all(side % self.size_multiple == 0 for side in inputs.shape[2:]):
            return network(inputs, *args, **kwargs)
        padded, widths = pad_to_multiple(inputs, self.size_multiple)
        return crop_padding(network(padded, *args, **kwargs), widths)
