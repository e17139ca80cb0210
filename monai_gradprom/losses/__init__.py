# SPDX-License-Identifier: Apache-2.0
"""Losses that MONAI and torch lack.

A supervised recognizer (GradProm's equation 4) needs none of ours:

- diagnosis, logits [B, K] and class indices [B]: ``torch.nn.CrossEntropyLoss()``;
- segmentation, logits [B, K, *spatial] and integer masks [B, 1, *spatial]:
  ``monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)``.

An unsupervised recognizer (equation 3) takes :class:`ConsistencyLoss`, for diagnosis and segmentation alike.

An enhancer's objective of several terms is a :class:`MultiTermLoss`; :func:`perceptual_objective` is the one of Deep
Perceptual Enhancement.
"""

from __future__ import annotations

from monai_gradprom.losses.adversarial import AdversarialGuidance, SoftLabelAdversarialLoss
from monai_gradprom.losses.consistency import ConsistencyLoss
from monai_gradprom.losses.multi_term import MultiTermLoss
from monai_gradprom.losses.perceptual_objective import PAPER_WEIGHTS, perceptual_objective
from monai_gradprom.losses.regularized_feature import RegularizedFeatureLoss, gradient_difference

__all__ = [
    "PAPER_WEIGHTS",
    "AdversarialGuidance",
    "ConsistencyLoss",
    "MultiTermLoss",
    "RegularizedFeatureLoss",
    "SoftLabelAdversarialLoss",
    "gradient_difference",
    "perceptual_objective",
]
