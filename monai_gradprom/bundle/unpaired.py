# SPDX-License-Identifier: Apache-2.0
"""The objective of HQG-Net, as a recipe's switches ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from monai_gradprom.losses import DomainGuidance, unpaired_objective

from .adversarial import AdversarialTraining
from .switch_rules import as_bool

__all__ = ["UnpairedTraining"]


class UnpairedTraining(AdversarialTraining):
    """Loss function, discriminator and its optimizer, ready for the trainer.

    Args:
        network: the enhancer, for its divergence.
        discriminator: maps images to logits. Not used where its term is off.
        optimizer: called with the discriminator's parameters.
        lr_scheduler: called with that optimizer; None for a constant learning rate.
        device: where everything goes.
        memory_format: in which the discriminator goes there, such as ``torch.channels_last``.
        wavelet_weight: of the pixel-level content term; 0 turns a term off, as for the next three.
        feature_weight: of the feature-level content term.
        adversarial_weight: of the discriminator's verdict.
        divergence_weight: of KL(cue ‖ prior).
        r1_weight: of the discriminator's own penalty.
        wavelet_levels: see :func:`~monai_gradprom.losses.unpaired_objective`, also for the two that follow.
        feature_encoders: backbone → file, there ``encoders``.
        untrained_features: as there; true or false in any usual spelling.

    Raises:
        InputError: a weight, backbone or file is unusable.
    """

    def __init__(
        self,
        network: nn.Module,
        discriminator: nn.Module,
        optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
        lr_scheduler: Callable[[torch.optim.Optimizer], Any] | None = None,
        device: torch.device | str = "cpu",
        memory_format: torch.memory_format = torch.preserve_format,
        wavelet_weight: float = 20.0,
        feature_weight: float = 1.0,
        adversarial_weight: float = 1.0,
        divergence_weight: float = 0.01,
        r1_weight: float = 0.1,
        wavelet_levels: Sequence[int] = (1, 2, 3),
        feature_encoders: Mapping[str, str] | None = None,
        untrained_features: bool | str = False,
    ) -> None:
        weights = {
            "wavelet": wavelet_weight,
            "feature": feature_weight,
            "adversarial": adversarial_weight,
            "divergence": divergence_weight,
        }
        guidance = DomainGuidance(discriminator, r1_weight) if adversarial_weight else None
        untrained = as_bool(untrained_features, "untrained_features")
        loss = unpaired_objective(network, guidance, weights, feature_encoders, untrained, wavelet_levels)
        super().__init__(loss, guidance, optimizer, lr_scheduler, device, memory_format)
