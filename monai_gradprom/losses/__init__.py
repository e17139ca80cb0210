# SPDX-License-Identifier: Apache-2.0
"""Losses that MONAI and torch lack.

A supervised recognizer (GradProm's equation 4) needs none of ours:

- diagnosis, logits [B, K] and class indices [B]: ``torch.nn.CrossEntropyLoss()``;
- segmentation, logits [B, K, *spatial] and integer masks [B, 1, *spatial]:
  ``monai.losses.DiceCELoss(softmax=True, to_onehot_y=True)``.

An unsupervised recognizer (equation 3) takes :class:`ConsistencyLoss`, for diagnosis and segmentation alike.
"""

from __future__ import annotations

from monai_gradprom.losses.consistency import ConsistencyLoss

__all__ = ["ConsistencyLoss"]
