# SPDX-License-Identifier: Apache-2.0
"""A frozen classification network whose features compare images."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import torch
from torch import nn

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.networks.pretrained import load_imagenet_resnet
from monai_gradprom.networks.recognizers import BACKBONES, IMAGENET_MEAN, IMAGENET_STD
from monai_gradprom.networks.resnet_encoder import ENCODER_PREFIX, TorchvisionResNetEncoder
from monai_gradprom.networks.vgg import VGG19Features

__all__ = ["FEATURE_BACKBONES", "FeatureNetwork"]

FEATURE_BACKBONES = ("vgg19", *BACKBONES)
"""Networks whose features can be compared."""

_LOGGER = logging.getLogger("monai_gradprom.networks")
_SMALLEST_SIDE = 16


class FeatureNetwork(nn.Module):
    """Features at a sixteenth of the image's size: VGG-19's conv5_4, or the third stage of a MONAI ResNet.

    Never trained: its parameters take no gradient, its normalisation keeps its statistics in any mode. Images are
    normalised as ImageNet's. Without a file a ResNet keeps random weights, always the same for a seed: such features
    still compare structure (Liu et al., "Generic perceptual loss for modeling structured output dependencies", CVPR
    2021), though not what ImageNet has taught, and at another scale; a warning says so. Nothing is downloaded.

    Args:
        backbone: ``"vgg19"`` (the paper's), or a MONAI ResNet: resnet18, resnet34, resnet50 or resnet101.
        weights: file of torchvision's ImageNet weights for this backbone; None only for a ResNet.
        seed: of the random weights, where there is no file.

    Attributes:
        pretrained: whether the weights came from a file.

    Raises:
        InputError: unknown backbone, VGG-19 without a file, or a file that does not fit.
    """

    if TYPE_CHECKING:
        mean: torch.Tensor
        std: torch.Tensor

    def __init__(self, backbone: str = "vgg19", weights: str | os.PathLike[str] | None = None, seed: int = 0) -> None:
        check_choice("feature backbone", backbone, FEATURE_BACKBONES)
        if backbone == "vgg19" and weights is None:
            raise InputError(
                "the feature backbone vgg19 needs the file of its ImageNet weights: give its path, or take a ResNet, "
                "which works, less well, without one."
            )
        super().__init__()
        self.pretrained = weights is not None
        self.network = (
            _vgg(weights) if weights is not None and backbone == "vgg19" else _resnet(backbone, weights, seed)
        )
        self.requires_grad_(False).train(False)
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> FeatureNetwork:
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute features.

        Args:
            x: [B, C, H, W] in [0, 1], H and W at least 16. RGB is taken as it is; with any other number of channels
                each is a grey image of its own.

        Returns:
            [B, F, H / 16, W / 16] for RGB, else [B * C, F, H / 16, W / 16]; rounded down for VGG-19, up for a ResNet.

        Raises:
            ValueError: another number of axes, or a side under 16.
        """
        if x.ndim != 4 or min(x.shape[2:]) < _SMALLEST_SIDE:
            raise ValueError(
                f"features are of images [B, C, H, W] with sides of {_SMALLEST_SIDE} pixels or more, got "
                f"{list(x.shape)}; use larger crops or switch the feature term off."
            )
        rgb = x if x.shape[1] == 3 else x.flatten(0, 1).unsqueeze(1).expand(-1, 3, -1, -1)
        return self.network((rgb - self.mean) / self.std)


def _vgg(weights: str | os.PathLike[str]) -> nn.Module:
    network = VGG19Features()
    network.load_imagenet(weights)
    return network


def _resnet(backbone: str, weights: str | os.PathLike[str] | None, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):  # whoever draws next shall not notice
        torch.manual_seed(seed)
        network = TorchvisionResNetEncoder(ENCODER_PREFIX + backbone, in_channels=3)
    if weights is None:
        _LOGGER.warning(
            "no file of ImageNet weights is given (bundles: --feature_weights, --feature_encoders): features are those "
            "of an untrained %s, comparable with each other only.",
            backbone,
        )
    else:
        load_imagenet_resnet(network, weights)
    stem = (network.conv1, network.bn1, network.act, network.maxpool)
    return nn.Sequential(*stem, network.layer1, network.layer2, network.layer3)
