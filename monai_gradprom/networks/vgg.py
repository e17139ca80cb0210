# SPDX-License-Identifier: Apache-2.0
"""VGG-19's convolutions, under torchvision's names, so that its ImageNet weights fit."""

from __future__ import annotations

import os

from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.networks.weights import differences, read_state_dict

__all__ = ["VGG19Features"]

# convolutions and their width per resolution (Simonyan and Zisserman, ICLR 2015, table 1, column E)
_STAGES = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))


class VGG19Features(nn.Sequential):
    """All sixteen convolutions of VGG-19, up to the last one and without its ReLU: conv5_4, at a sixteenth of the size.

    Takes ImageNet-normalised RGB images [B, 3, H, W], H and W at least 16, and returns [B, 512, H // 16, W // 16].
    """

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        before = 3
        for count, width in _STAGES:
            for _ in range(count):
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
                before = width
            layers.append(nn.MaxPool2d(2))
        super().__init__(*layers[:-2])

    def load_imagenet(self, path: str | os.PathLike[str]) -> None:
        """Load torchvision's VGG-19; its classifier is not wanted.

        Args:
            path: a state dict file as torchvision publishes it.

        Raises:
            InputError: the file cannot be read or is of another network. On an error nothing is changed.
        """
        found = read_state_dict(path)
        prefix = "features."
        found = {
            name.removeprefix(prefix): value for name, value in found.items() if not name.startswith("classifier.")
        }
        misfits = differences(found, self.state_dict())
        if misfits:
            raise InputError(
                f"the ImageNet weights {os.fspath(path)} do not fit VGG-19: {'; '.join(misfits)}; "
                "use torchvision's file for vgg19, or name the backbone that they are of."
            )
        self.load_state_dict(found)
