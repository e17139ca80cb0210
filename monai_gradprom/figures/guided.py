# SPDX-License-Identifier: Apache-2.0
"""Which pixels each task asks for: guided backpropagation of enhancer and recognizers (the paper's Figure 2)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from monai.visualize import VanillaGrad
from torch import Tensor, nn

from monai_gradprom.networks import DiagnosisRecognizer, SegmentationRecognizer

from .cases import Case
from .cells import Box, Row, crop, make_cell
from .recognition import ClassNames, chosen_class, class_name, on_device_of

__all__ = ["guided_gradient", "guided_row"]

_RECTIFIERS = (nn.ReLU, nn.PReLU, nn.LeakyReLU)
_LONGEST = 768  # pixels of a side: unlike an evaluation, a gradient keeps every feature map


def guided_row(
    case: Case,
    network: nn.Module,
    inferer: Callable[..., Tensor],
    recognizers: Iterable[tuple[nn.Module, str]] = (),
    class_names: ClassNames = (),
) -> Row:
    """The image (a) and what the enhancer (b), the segmentation (c) and the diagnosis (d) draw from it.

    The paper does not say which numbers it differentiates. Here they are the enhancer's loss L_IP = MSE(ŷ, Y) (where
    there is no clean image, MSE(ŷ, X): what the enhancer changes), the sum of the foreground's logits, and the logit of
    the true class (of the predicted one where it is not known). All see the degraded image; in super-resolution the
    recognizers see it enlarged. Grey is 0; each map has its own range. Of an image with a side of more than 768 pixels,
    the middle is used.

    Args:
        case: the image in all its versions.
        network: the enhancer; like the recognizers it is left as it is.
        inferer: applies the enhancer, ``inferer(x, network)``.
        recognizers: each with the key of its semantic label; those that are no recognizers of
            :mod:`monai_gradprom.networks` are left out.
        class_names: a diagnosis's classes in words.
    """
    scale = case.given.shape[1] // case.image.shape[1]
    small = _middle(case.image.shape[1:], _LONGEST // scale)
    large: Box = (small[0] * scale, small[1] * scale, small[2] * scale, small[3] * scale)
    given, image = crop(case.given, large), crop(case.image, small)
    target = crop(case.best, large)
    objectives: list[tuple[str, str, nn.Module, Tensor, int]] = [
        (
            "enhancer",
            "L_IP = MSE(ŷ, Y)" if case.reference is not None else "MSE(ŷ, X)",
            _EnhancementLoss(network, inferer, target),
            image,
            0,
        )
    ]
    # in the paper's order
    for recognizer, key in sorted(recognizers, key=lambda pair: not isinstance(pair[0], SegmentationRecognizer)):
        if isinstance(recognizer, SegmentationRecognizer):
            objectives.append(("segmentation", "foreground logits", _ForegroundSum(recognizer), given, 0))
        elif isinstance(recognizer, DiagnosisRecognizer):
            index, origin = chosen_class(case, recognizer, key)
            caption = f"logit of {class_name(index, class_names)} ({origin})"
            objectives.append(("diagnosis", caption, recognizer, given, index))
    cells = [make_cell(f"(a) {case.views[0].title}", given)]
    for letter, (title, caption, model, x, index) in zip("bcdefgh", objectives, strict=False):
        cells.append(make_cell(f"({letter}) {title}", _around_grey(guided_gradient(model, x, index)), caption))
    return Row(case.name, tuple(cells))


def guided_gradient(model: nn.Module, image: Tensor, index: int = 0) -> Tensor:
    """Guided backpropagation (Springenberg et al., ICLR 2015 workshop): negative gradients stop at every rectifier.

    At a ReLU this is the rule of MONAI's ``GuidedBackpropGrad``, which finds ReLUs by "relu" in their *name*; MONAI's
    own ResNet, FlexibleUNet and Convolution call theirs ``act`` and ``A``, so that it would return the plain gradient.
    For PReLU and LeakyReLU, which the enhancers have, the rule does not exist: here too the negative part of the
    gradient stops, and what arrives is multiplied by their slope, which for a slope of 0 is the ReLU's rule.

    Args:
        model: [1, C, *spatial] → [1, K]; a copy of it is used.
        image: [C, *spatial].
        index: which of the K numbers.

    Returns:
        its guided gradient, of the image's shape, on the CPU.
    """
    model = copy.deepcopy(model).requires_grad_(False)
    for module in model.modules():
        if isinstance(module, _RECTIFIERS):
            module.register_forward_hook(_stop_negative_gradients)
    x = on_device_of(model, image).clone()
    with torch.enable_grad():
        return VanillaGrad(model)(x, index=index)[0].cpu()


def _stop_negative_gradients(module: nn.Module, inputs: Any, output: Tensor) -> None:
    if output.requires_grad:
        output.register_hook(lambda gradient: gradient.clamp(min=0))


class _EnhancementLoss(nn.Module):
    """L_IP of the enhancer, as a [1, 1] "logit"."""

    def __init__(self, network: nn.Module, inferer: Callable[..., Tensor], target: Tensor) -> None:
        super().__init__()
        self.network, self.inferer, self.target = network, inferer, target

    def forward(self, x: Tensor) -> Tensor:
        output = self.inferer(x, self.network)
        return nn.functional.mse_loss(output, self.target[None].to(output)).view(1, 1)


class _ForegroundSum(nn.Module):
    """The sum of a segmentation's foreground logits, as a [1, 1] "logit"."""

    def __init__(self, recognizer: nn.Module) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, x: Tensor) -> Tensor:
        return self.recognizer(x)[:, 1:].sum().view(1, 1)


def _middle(size: Iterable[int], longest: int) -> Box:
    """The box in the middle of an image of this size whose sides are at most ``longest``."""
    (left, width), (top, height) = (((side - min(side, longest)) // 2, min(side, longest)) for side in size)
    return left, top, width, height


def _around_grey(gradient: Tensor) -> Tensor:
    """0 becomes mid-grey, the largest (but for 0.5 % of the pixels) white, its opposite black."""
    magnitude = gradient.abs().flatten()
    largest = magnitude.kthvalue(max(1, int(0.995 * len(magnitude)))).values
    return (0.5 + gradient / (2 * largest.clamp(min=1e-20))).clamp(0, 1)
