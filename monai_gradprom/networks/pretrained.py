# SPDX-License-Identifier: Apache-2.0
"""Loading ImageNet's weights into a recognizer."""

from __future__ import annotations

import os
from dataclasses import dataclass

from monai.networks.nets import ResNet

from monai_gradprom.errors import InputError
from monai_gradprom.networks.recognizers import Recognizer
from monai_gradprom.networks.weights import StateDict, differences, read_state_dict

__all__ = ["LoadReport", "load_imagenet_resnet"]


@dataclass(frozen=True)
class LoadReport:
    """What :func:`load_imagenet_resnet` did, by names of parameters and buffers.

    Attributes:
        loaded: copied into the network as they are.
        adapted: copied after a change of channels (``conv1.weight`` for images that are not RGB).
        skipped: in the file but not wanted: ImageNet's classifier, ``fc.weight`` and ``fc.bias``.
    """

    loaded: tuple[str, ...]
    adapted: tuple[str, ...]
    skipped: tuple[str, ...]


def load_imagenet_resnet(network: Recognizer | ResNet, path: str | os.PathLike[str]) -> LoadReport:
    """Load a torchvision ResNet's ImageNet weights into a recognizer's backbone.

    The first convolution is adapted to other channels than RGB such that an image with the same value in all its
    channels gives the response that its RGB copy gives (for grey images: the sum over RGB).

    Args:
        network: a recognizer, or a MONAI ResNet built with ``conv1_t_stride=2, bias_downsample=False``; 2-D.
        path: a state dict file as torchvision publishes it, of the same depth as the backbone. Files from before
            ``num_batches_tracked`` existed will do.

    Returns:
        What was loaded, adapted and skipped.

    Raises:
        InputError: as for :func:`~monai_gradprom.networks.load_weights`; only the classifier ``fc`` may stay unmatched.
    """
    backbone = network.backbone() if isinstance(network, Recognizer) else network
    found = read_state_dict(path)
    expected = {name: value for name, value in backbone.state_dict().items() if not name.startswith("fc.")}
    skipped = tuple(name for name in found if name.startswith("fc."))
    found = {name: value for name, value in found.items() if name not in skipped}
    found = {**{name: value for name, value in expected.items() if name.endswith("num_batches_tracked")}, **found}
    adapted = _adapt_channels(found, expected)
    misfits = differences(found, expected)
    if misfits:
        raise InputError(
            f"the ImageNet weights {os.fspath(path)} do not fit the backbone of {type(network).__name__}: "
            f"{'; '.join(misfits)}; use torchvision's file for the same backbone (2-D only)."
        )
    backbone.load_state_dict(found, strict=False)
    return LoadReport(tuple(name for name in found if name not in adapted), adapted, skipped)


def _adapt_channels(found: StateDict, expected: StateDict) -> tuple[str, ...]:
    """Change ``conv1.weight`` in ``found`` from RGB to the expected channels; return the names changed."""
    name = "conv1.weight"
    kernel, target = found.get(name), expected[name]
    if kernel is None or kernel.ndim != target.ndim or kernel.shape[1] != 3 or target.shape[1] == 3:
        return ()
    channels = target.shape[1]
    found[name] = (kernel.sum(dim=1, keepdim=True) / channels).repeat_interleave(channels, dim=1)
    return (name,)
