# SPDX-License-Identifier: Apache-2.0
"""Mini-batches for a recognizer that is trained by itself on degraded images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.engines.utils import PrepareBatch
from monai.utils.enums import CommonKeys as Keys
from torch import Tensor

from monai_gradprom.errors import InputError

from .baseline import enlarged_to
from .task import plain

__all__ = ["RecognitionBatch"]


class RecognitionBatch(PrepareBatch):
    """A ``prepare_batch`` for the paper's Benchmarks ii and iii: the degraded image and its semantic label.

    With it a :class:`~monai_gradprom.engines.GradPromTrainer`, or any MONAI trainer, trains the recognizer in the
    enhancer's place. A degraded image that is smaller than the clean one is enlarged as in evaluation, see
    :func:`~monai_gradprom.engines.baseline.enlarged_to`.

    Args:
        target_key: batch key of the semantic label.
    """

    def __init__(self, target_key: str) -> None:
        self.target_key = target_key

    def __call__(
        self,
        batchdata: Mapping[str, Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        """Return the image [B, C, *spatial] and its label on ``device``.

        Raises:
            InputError: when the batch lacks the label.
        """
        if self.target_key not in batchdata:
            raise InputError(f"the data hold no {self.target_key!r} for the recognizer to learn: add it to them.")
        image = plain(batchdata[Keys.IMAGE]).to(device=device, non_blocking=non_blocking, **kwargs)
        target = plain(batchdata[self.target_key]).to(device=device, non_blocking=non_blocking)
        return enlarged_to(image, batchdata[Keys.LABEL].shape[2:]), target
