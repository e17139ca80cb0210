# SPDX-License-Identifier: Apache-2.0
"""MONAI's ResNet in torchvision's form: stride-2 first convolution, projection shortcuts without bias."""

from __future__ import annotations

from typing import Any

from monai.networks.blocks import BaseEncoder
from monai.networks.nets import ResNet
from monai.networks.nets.flexible_unet import FLEXUNET_BACKBONE
from monai.networks.nets.resnet import ResNetFeatures

__all__ = ["ENCODER_PREFIX", "RESNETS", "TorchvisionResNetEncoder", "resnet_options"]

ENCODER_PREFIX = "torchvision_"
"""What distinguishes these encoders from MONAI's own in FlexibleUNet's register."""

RESNETS: dict[str, tuple[str, list[int]]] = {
    "resnet18": ("basic", [2, 2, 2, 2]),
    "resnet34": ("basic", [3, 4, 6, 3]),
    "resnet50": ("bottleneck", [3, 4, 6, 3]),
    "resnet101": ("bottleneck", [3, 4, 23, 3]),
}
"""Block kind and blocks per layer (He et al., CVPR 2016, table 1)."""

_PLANES = [64, 128, 256, 512]
_EXPANSION = {"basic": 1, "bottleneck": 4}


def resnet_options(backbone: str, spatial_dims: int, in_channels: int) -> dict[str, Any]:
    """Return MONAI ResNet's arguments under which torchvision's state dict fits.

    Args:
        backbone: a key of :data:`RESNETS`.
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
    """
    block, layers = RESNETS[backbone]
    return {
        "block": block,
        "layers": layers,
        "block_inplanes": _PLANES,
        "spatial_dims": spatial_dims,
        "n_input_channels": in_channels,
        "conv1_t_stride": 2,
        "bias_downsample": False,
    }


class TorchvisionResNetEncoder(ResNetFeatures, BaseEncoder):
    """Encoder for FlexibleUNet; MONAI's own gives ResNet-18 and 34 other shortcuts, which ImageNet weights do not fit.

    Those shortcuts (type A) also cut the gradient, on which an enhancer before the recognizer depends.

    Args:
        model_name: :data:`ENCODER_PREFIX` and a key of :data:`RESNETS`.
        pretrained: what FlexibleUNet's register demands; must be False, nothing is downloaded.
        spatial_dims: 2 or 3.
        in_channels: channels of the image.
    """

    def __init__(self, model_name: str, pretrained: bool = False, spatial_dims: int = 2, in_channels: int = 1) -> None:
        if pretrained:
            raise ValueError("nothing is downloaded; load a file with monai_gradprom.networks.load_imagenet_resnet.")
        options = resnet_options(model_name.removeprefix(ENCODER_PREFIX), spatial_dims, in_channels)
        # ResNetFeatures's own constructor fixes the shortcuts; only its forward is wanted
        ResNet.__init__(self, **options, feed_forward=False)

    @classmethod
    def get_encoder_names(cls) -> list[str]:
        """Names in FlexibleUNet's register."""
        return [ENCODER_PREFIX + name for name in RESNETS]

    @classmethod
    def get_encoder_parameters(cls) -> list[dict]:
        """Constructor arguments, one dict per name."""
        return [
            {"model_name": name, "pretrained": False, "spatial_dims": 2, "in_channels": 1}
            for name in cls.get_encoder_names()
        ]

    @classmethod
    def num_outputs(cls) -> list[int]:
        """Feature maps that each encoder returns."""
        return [len(_PLANES) + 1] * len(RESNETS)

    @classmethod
    def num_channels_per_output(cls) -> list[tuple[int, ...]]:
        """Channels of those feature maps."""
        return [(64, *(planes * _EXPANSION[block] for planes in _PLANES)) for block, _ in RESNETS.values()]


FLEXUNET_BACKBONE.register_class(TorchvisionResNetEncoder)
