# SPDX-License-Identifier: Apache-2.0
"""Mini-batches for an enhancer that learns from high-quality images of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from monai_gradprom.errors import InputError
from monai_gradprom.losses import UnpairedTarget

from .task import plain

__all__ = ["GuidedBatch"]


class GuidedBatch(PrepareBatch):
    """A ``prepare_batch`` for unpaired training.

    The image goes to the network with its guide, ``network(image, guide=guide)``; the loss is called with an
    :class:`~monai_gradprom.losses.UnpairedTarget` of both. There is no clean image, so that recognizers can be
    supervised only.

    Args:
        key: batch key of the high-quality images.
    """

    def __init__(self, key: str = "guide") -> None:
        self.key = key

    def __call__(
        self,
        batchdata: Mapping[str, Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, UnpairedTarget, tuple[()], dict[str, Tensor]]:
        """Return image [B, C, *spatial], target, no further arguments and the guide by name, all on ``device``.

        Raises:
            InputError: when the batch lacks the guide.
        """
        if self.key not in batchdata:
            raise InputError(
                f"the data hold no {self.key!r}, a high-quality image to guide by: use GuidedDataset, or add it."
            )
        image, guide = (
            plain(batchdata[key]).to(device=device, non_blocking=non_blocking, **kwargs)
            for key in (Keys.IMAGE, self.key)
        )
        return image, UnpairedTarget(image, guide), (), {"guide": guide}
