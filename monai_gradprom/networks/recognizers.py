# SPDX-License-Identifier: Apache-2.0
"""Recognizers: MONAI's ResNet and FlexibleUNet, built so that ImageNet weights fit and any image size works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from monai.networks.nets import FlexibleUNet, ResNet
from torch import nn

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.networks.padding import crop_padding, pad_to_multiple
from monai_gradprom.networks.resnet_encoder import ENCODER_PREFIX, RESNETS, TorchvisionResNetEncoder, resnet_options

__all__ = ["BACKBONES", "DiagnosisRecognizer", "Recognizer", "SegmentationRecognizer"]

BACKBONES = tuple(RESNETS)
"""The names of the backbones, shallowest first."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Recognizer(nn.Module):
    """What the recognizers share: their arguments and the normalisation of their input.

    Args:
        num_classes: K, how many classes; a segmentation's background is one of them.
        in_channels: channels of the image.
        backbone: resnet18, resnet34, resnet50 or resnet101.
        spatial_dims: 2 or 3.
        mean: per-channel mean subtracted from the input. Default: ImageNet's for 3 channels, its average over RGB for
            any other number.
        std: per-channel divisor, likewise.

    ``mean`` and ``std`` are kept in the state dict: weights travel with the normalisation that they were trained under.

    Raises:
        InputError: unknown backbone, spatial_dims, or a mean or std of another length than ``in_channels``.
    """

    if TYPE_CHECKING:  # TorchScript cannot read annotations that are strings
        mean: torch.Tensor
        std: torch.Tensor
        network: nn.Module

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 1,
        backbone: str = "resnet18",
        spatial_dims: int = 2,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        _check(backbone, spatial_dims)
        super().__init__()
        for name, given, imagenet in (("mean", mean, IMAGENET_MEAN), ("std", std, IMAGENET_STD)):
            values = torch.tensor(_per_channel(name, given, imagenet, in_channels))
            self.register_buffer(name, values.view(1, in_channels, *[1] * spatial_dims))
        self.network = self._build(num_classes, in_channels, backbone, spatial_dims)

    def _build(self, num_classes: int, in_channels: int, backbone: str, spatial_dims: int) -> nn.Module:
        raise NotImplementedError

    def backbone(self) -> ResNet:
        """Return the part that takes ImageNet weights."""
        raise NotImplementedError

    def normalize(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(x - mean) / std`` per channel, for x [B, C, *spatial] in [0, 1]."""
        return (x - self.mean) / self.std


class DiagnosisRecognizer(Recognizer):
    """Classify whole images with MONAI's ResNet in torchvision's form; takes :class:`Recognizer`'s arguments.

    The ResNet pools globally, so that any image size works as it is; nothing is padded.

    Example:
        >>> DiagnosisRecognizer(num_classes=2).eval()(torch.zeros(1, 1, 72, 100)).shape
        torch.Size([1, 2])
    """

    if TYPE_CHECKING:
        network: ResNet

    def _build(self, num_classes: int, in_channels: int, backbone: str, spatial_dims: int) -> ResNet:
        return ResNet(**resnet_options(backbone, spatial_dims, in_channels), num_classes=num_classes)

    def backbone(self) -> ResNet:
        """Return the part that takes ImageNet weights."""
        return self.network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [B, K] for images x [B, C, *spatial] in [0, 1]."""
        return self.network(self.normalize(x))


class SegmentationRecognizer(Recognizer):
    """Segment with MONAI's FlexibleUNet over a ResNet in torchvision's form; takes :class:`Recognizer`'s arguments.

    Any image size works: the normalised image is padded with zeros, as its convolutions do, to multiples of 32, and the
    logits are cropped back.

    Example:
        >>> SegmentationRecognizer(num_classes=4).eval()(torch.zeros(1, 1, 72, 100)).shape
        torch.Size([1, 4, 72, 100])
    """

    if TYPE_CHECKING:
        network: FlexibleUNet

    def _build(self, num_classes: int, in_channels: int, backbone: str, spatial_dims: int) -> FlexibleUNet:
        self.padded_multiple = 2 ** TorchvisionResNetEncoder.num_outputs()[0]
        # is_pad would pad by replication, whose CUDA backward is not deterministic; here sizes always divide
        return FlexibleUNet(
            in_channels, num_classes, ENCODER_PREFIX + backbone, spatial_dims=spatial_dims, is_pad=False
        )

    def backbone(self) -> ResNet:
        """Return the part that takes ImageNet weights."""
        return self.network.encoder

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits [B, K, *spatial] for images x [B, C, *spatial] in [0, 1]."""
        padded, widths = pad_to_multiple(self.normalize(x), self.padded_multiple)
        return crop_padding(self.network(padded), widths)


def _per_channel(
    name: str, given: Sequence[float] | None, imagenet: tuple[float, ...], in_channels: int
) -> Sequence[float]:
    if given is None:
        return imagenet if in_channels == len(imagenet) else [sum(imagenet) / len(imagenet)] * in_channels
    if len(given) != in_channels:
        raise InputError(f"{name} has {len(given)} values but in_channels is {in_channels}; give one per channel.")
    return given


def _check(backbone: str, spatial_dims: int) -> None:
    check_choice("backbone", backbone, RESNETS)
    if spatial_dims not in (2, 3):
        raise InputError(f"the recognizer's spatial_dims is {spatial_dims!r}; use 2 or 3.")
