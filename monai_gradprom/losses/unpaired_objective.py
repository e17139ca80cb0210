# SPDX-License-Identifier: Apache-2.0
"""The objective of HQG-Net, each of whose terms is a switch."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

from torch import nn

from monai_gradprom.losses.divergence import CueDivergence
from monai_gradprom.losses.feature_content import FeatureContentLoss
from monai_gradprom.losses.multi_term import MultiTermLoss
from monai_gradprom.losses.r1 import DomainGuidance
from monai_gradprom.losses.switched_terms import chosen_weights, sum_of_terms
from monai_gradprom.losses.wavelet import WaveletContentLoss
from monai_gradprom.networks import FeatureNetwork

__all__ = ["UNPAIRED_WEIGHTS", "unpaired_objective"]

UNPAIRED_WEIGHTS = {"wavelet": 20.0, "feature": 1.0, "adversarial": 1.0, "divergence": 0.01}
"""Ours: the paper's summary names the terms but no weights."""

_UNTRAINED = ("resnet18", "resnet50")
_LOGGER = logging.getLogger("monai_gradprom.losses")


def unpaired_objective(
    network: nn.Module,
    guidance: DomainGuidance | None = None,
    weights: Mapping[str, float] | None = None,
    encoders: Mapping[str, str | os.PathLike[str]] | None = None,
    untrained_features: bool = False,
    wavelet_levels: Sequence[int] = (1, 2, 3),
) -> MultiTermLoss:
    """Content (wavelet and feature term), adversarial guidance and the cue's divergence, summed with weights.

    Args:
        network: the enhancer, whose ``divergence`` is the term of that name.
        guidance: the adversarial term; the engine that trains the discriminator needs the same object.
        weights: of ``wavelet``, ``feature``, ``adversarial`` and ``divergence``, where they shall not be
            :data:`UNPAIRED_WEIGHTS`; 0 turns a term off.
        encoders: of the feature term, backbone (see :class:`~monai_gradprom.networks.FeatureNetwork`) → file of its
            ImageNet weights. Without any the feature term is off, with a warning, unless ``untrained_features``.
        untrained_features: without files, compare the features of an untrained ResNet-18 and ResNet-50.
        wavelet_levels: see :class:`WaveletContentLoss`.

    Returns:
        The loss, called with (pred, :class:`~monai_gradprom.losses.UnpairedTarget`); its ``terms`` are named as above.
        Move it to the images' device with ``.to(device)``.

    Raises:
        InputError: the adversarial term is on without ``guidance``; a weight, backbone or file is unusable.
    """
    chosen = chosen_weights(UNPAIRED_WEIGHTS, weights, guidance, DomainGuidance)
    terms = {
        "wavelet": WaveletContentLoss(wavelet_levels),
        "feature": _feature_term(encoders or {}, untrained_features) if chosen["feature"] else None,
        "adversarial": guidance,
        "divergence": CueDivergence(network),
    }
    return sum_of_terms(terms, chosen)


def _feature_term(encoders: Mapping[str, str | os.PathLike[str]], untrained: bool) -> FeatureContentLoss | None:
    if encoders:
        return FeatureContentLoss({name: FeatureNetwork(name, file) for name, file in encoders.items()})
    if untrained:
        return FeatureContentLoss({name: FeatureNetwork(name) for name in _UNTRAINED})
    _LOGGER.warning(
        "the feature term is off: name local files of ImageNet weights in feature_encoders, such as "
        "{'vgg19': FILE, 'resnet50': FILE}, or set untrained_features to compare the features of untrained ResNets."
    )
    return None
