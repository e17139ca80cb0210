# SPDX-License-Identifier: Apache-2.0
"""Losses that MONAI and torch lack.

A supervised recognizer (GradProm's equation 4) needs none of ours:

- diagnosis, logits [B, K] and class indices [B]: ``torch.nn.CrossEntropyLoss()``;
- segmentation, logits [B, K, *spatial] and integer masks [B, 1, *spatial]:
  ``monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)``.

An unsupervised recognizer (equation 3) takes :class:`ConsistencyLoss`, for diagnosis and segmentation alike.

An enhancer's objective of several terms is a :class:`MultiTermLoss`; :func:`perceptual_objective` is the one of Deep
Perceptual Enhancement, :func:`unpaired_objective` the one of HQG-Net, which needs no clean image.
"""

from __future__ import annotations

from monai_gradprom.losses.adversarial import AdversarialGuidance, SoftLabelAdversarialLoss
from monai_gradprom.losses.consistency import ConsistencyLoss
from monai_gradprom.losses.divergence import CueDivergence
from monai_gradprom.losses.feature_content import FeatureContentLoss
from monai_gradprom.losses.multi_term import MultiTermLoss
from monai_gradprom.losses.perceptual_objective import PAPER_WEIGHTS, perceptual_objective
from monai_gradprom.losses.r1 import DomainGuidance, r1_penalty
from monai_gradprom.losses.regularized_feature import RegularizedFeatureLoss, gradient_difference
from monai_gradprom.losses.unpaired import UnpairedTarget, reference_of, source_of
from monai_gradprom.losses.unpaired_objective import UNPAIRED_WEIGHTS, unpaired_objective
from monai_gradprom.losses.wavelet import WaveletContentLoss, haar_transform

__all__ = [
    "PAPER_WEIGHTS",
    "UNPAIRED_WEIGHTS",
    "AdversarialGuidance",
    "ConsistencyLoss",
    "CueDivergence",
    "DomainGuidance",
    "FeatureContentLoss",
    "MultiTermLoss",
    "RegularizedFeatureLoss",
    "SoftLabelAdversarialLoss",
    "UnpairedTarget",
    "WaveletContentLoss",
    "gradient_difference",
    "haar_transform",
    "perceptual_objective",
    "r1_penalty",
    "reference_of",
    "source_of",
    "unpaired_objective",
]
