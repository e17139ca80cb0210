# SPDX-License-Identifier: Apache-2.0
"""The divergence of a guided enhancer's cue as a term of its loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from monai_gradprom.errors import InputError

__all__ = ["CueDivergence"]


class CueDivergence(nn.Module):
    """What an enhancer's last guided pass left as its divergence.

    It reaches the enhancer's parameters by another way than the enhanced image. The strategies allow that of the main
    loss, which they differentiate itself; an auxiliary loss may not do so.

    Args:
        network: an enhancer with an attribute ``divergence``, such as :class:`~monai_gradprom.networks.HQGNet`. It does
            not become a part of this module.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = (network,)  # a module in a tuple is no submodule: whoever moves the loss leaves it where it is

    def forward(self, pred: Any = None, target: Any = None) -> torch.Tensor:
        """Return the divergence of the pass that made ``pred``, a scalar >= 0; neither argument is looked at.

        Raises:
            InputError: there was no guided pass in training mode.
        """
        divergence: torch.Tensor | None = getattr(self._network[0], "divergence", None)
        if divergence is None:
            raise InputError(
                "the divergence term is on, but the enhancer was not guided: give each training item a guide, or set "
                "the term's weight to 0."
            )
        return divergence
