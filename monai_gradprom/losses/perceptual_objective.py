# SPDX-License-Identifier: Apache-2.0
"""The objective of Deep Perceptual Enhancement, each of whose terms is a switch."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from torch import nn

from monai_gradprom.losses.adversarial import AdversarialGuidance
from monai_gradprom.losses.multi_term import MultiTermLoss
from monai_gradprom.losses.regularized_feature import RegularizedFeatureLoss
from monai_gradprom.losses.switched_terms import chosen_weights, sum_of_terms
from monai_gradprom.networks import FeatureNetwork

__all__ = ["PAPER_WEIGHTS", "perceptual_objective"]

PAPER_WEIGHTS = {"reconstruction": 1.0, "feature": 1.0, "adversarial": 1e-3}
"""The weights of the released code, whose images are in [-1, 1]."""

_LOGGER = logging.getLogger("monai_gradprom.losses")


def perceptual_objective(
    guidance: AdversarialGuidance | None = None,
    weights: Mapping[str, float] | None = None,
    feature_weights: str | os.PathLike[str] | None = None,
    feature_backbone: str = "vgg19",
    untrained_features: bool = False,
) -> MultiTermLoss:
    """Reconstruction (L1), regularised feature loss and adversarial guidance, summed with weights.

    Args:
        guidance: the adversarial term; the engine that trains the discriminator needs the same object.
        weights: of ``reconstruction``, ``feature`` and ``adversarial``, where they shall not be :data:`PAPER_WEIGHTS`;
            0 turns a term off.
        feature_weights: file of the feature backbone's ImageNet weights. Without one the feature term is off, with a
            warning, unless ``untrained_features``.
        feature_backbone: see :class:`~monai_gradprom.networks.FeatureNetwork`.
        untrained_features: without a file, compare the features of an untrained MONAI ResNet (``feature_backbone``, or
            ResNet-18 in place of VGG-19).

    Returns:
        The loss; its ``terms`` are named as above. Move it to the images' device with ``.to(device)``.

    Raises:
        InputError: the adversarial term is on without ``guidance``; a weight, backbone or file is unusable.
    """
    chosen = chosen_weights(PAPER_WEIGHTS, weights, guidance, AdversarialGuidance)
    feature = _feature_term(feature_weights, feature_backbone, untrained_features) if chosen["feature"] else None
    terms = {"reconstruction": nn.L1Loss(), "feature": feature, "adversarial": guidance}
    return sum_of_terms(terms, chosen)


def _feature_term(
    weights: str | os.PathLike[str] | None, backbone: str, untrained: bool
) -> RegularizedFeatureLoss | None:
    if weights is None and not untrained:
        _LOGGER.warning(
            "the feature term is off: give feature_weights, a local file of ImageNet weights for %s, or set "
            "untrained_features to compare the features of an untrained ResNet.",
            backbone,
        )
        return None
    if weights is None and backbone == "vgg19":
        backbone = "resnet18"
    return RegularizedFeatureLoss(FeatureNetwork(backbone, weights))
