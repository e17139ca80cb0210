# SPDX-License-Identifier: Apache-2.0
"""What a recognizer says about one image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .cases import Case

__all__ = ["ClassNames", "chosen_class", "class_name", "class_probabilities", "on_device_of"]

ClassNames = Sequence[str]


def on_device_of(network: nn.Module, image: Tensor) -> Tensor:
    """A batch [1, C, W, H] of one image, where the network is and in its precision."""
    return image[None].to(next(network.parameters(), image))


def class_probabilities(recognizer: nn.Module, image: Tensor) -> Tensor:
    """Softmax of the logits for one image [C, W, H]: [K] for a diagnosis, [K, W, H] for a segmentation, on the CPU."""
    modes = {module: module.training for module in recognizer.modules()}
    recognizer.eval()
    try:
        with torch.no_grad():
            return recognizer(on_device_of(recognizer, image))[0].softmax(dim=0).cpu()
    finally:
        for module, training in modes.items():  # one by one: parts may be frozen
            module.training = training


def chosen_class(case: Case, recognizer: nn.Module, key: str) -> tuple[int, str]:
    """The class that a figure is about, and where it comes from.

    Args:
        case: the image; ``case.labels[key]`` is its true class, if known.
        recognizer: predicts the class on the clean image (without one, on the input) if the true one is not known.
        key: under which the true class is found.
    """
    probabilities = class_probabilities(recognizer, case.best)
    label = case.labels.get(key)
    if label is not None and 0 <= int(label) < len(probabilities):
        return int(label), "true"
    origin = "predicted" if case.reference is None else "predicted on clean"
    return int(probabilities.argmax()), origin


def class_name(index: int, class_names: ClassNames) -> str:
    """The class in words."""
    return class_names[index] if index < len(class_names) else f"class {index}"
