# SPDX-License-Identifier: Apache-2.0
"""Where a recognizer looks: class activation maps over every version of an image (the paper's Figure 5)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from monai.visualize import CAM, GradCAM
from monai.visualize.visualizer import default_upsampler
from torch import Tensor, nn

from monai_gradprom.networks import DiagnosisRecognizer, SegmentationRecognizer, crop_padding, pad_to_multiple

from .cases import Case
from .cells import Row, make_cell
from .recognition import ClassNames, chosen_class, class_name, class_probabilities, on_device_of

__all__ = ["activation_row", "class_activation", "foreground_activation"]


def activation_row(case: Case, recognizer: nn.Module, key: str, class_names: ClassNames = ()) -> Row | None:
    """Activation maps over every version of an image, in one range of colours.

    For a diagnosis all maps are of one class, the true one where it is known, else the one predicted on the clean
    image; below each stands the class that is predicted there and its probability. For a segmentation they are of the
    mean foreground logit, and below each stands the share of the pixels that is predicted to be foreground.

    Args:
        case: the image in all its versions.
        recognizer: a recognizer of :mod:`monai_gradprom.networks`; neither it nor its mode is changed.
        key: under which the semantic label is found.
        class_names: a diagnosis's classes in words.

    Returns:
        None for any other recognizer: which layer to look at is not known.
    """
    if isinstance(recognizer, SegmentationRecognizer):
        return Row(
            case.name,
            tuple(
                make_cell(
                    v.title, v.image, _foreground(recognizer, v.image), heat=foreground_activation(recognizer, v.image)
                )
                for v in case.views
            ),
            "Grad-CAM of the foreground",
        )
    if not isinstance(recognizer, DiagnosisRecognizer):
        return None
    index, origin = chosen_class(case, recognizer, key)
    name = class_name(index, class_names)
    return Row(
        f"{case.name}\n{name} ({origin})",
        tuple(
            make_cell(
                v.title,
                v.image,
                _diagnosis(recognizer, v.image, class_names),
                heat=class_activation(recognizer, v.image, index),
            )
            for v in case.views
        ),
        f"activation of {name} [logit]",
    )


def class_activation(recognizer: DiagnosisRecognizer, image: Tensor, index: int) -> Tensor:
    """Class activation map (Zhou et al., CVPR 2016): the classifier applied at each place before the global pooling.

    In logits and not scaled: the mean over the places (before enlarging) is the class's logit, so that maps of
    different images can be compared.

    Args:
        recognizer: ends in a global average pooling and one linear layer.
        image: [C, W, H] in [0, 1].
        index: the class.

    Returns:
        [W, H], enlarged bilinearly, on the CPU.
    """
    network = copy.deepcopy(recognizer)  # MONAI never takes its hooks away
    cam = CAM(network, "network.layer4", "network.fc", postprocessing=_as_it_is)
    with torch.no_grad():
        return cam(on_device_of(network, image), class_idx=[index])[0, 0].cpu()


def foreground_activation(recognizer: SegmentationRecognizer, image: Tensor) -> Tensor:
    """Grad-CAM (Selvaraju et al., ICCV 2017) of the mean logit of all classes but the background.

    The layer is the encoder's last, as for a diagnosis: its feature maps, weighted by the mean gradient, the negative
    part cut off.

    Args:
        recognizer: class 0 is the background.
        image: [C, W, H] in [0, 1].

    Returns:
        [W, H], not negative, enlarged bilinearly, on the CPU.
    """
    network = copy.deepcopy(recognizer).requires_grad_(True)
    x = on_device_of(network, image)

    def enlarge(size: Sequence[int]) -> Callable[[Tensor], Tensor]:
        # the feature map covers the padded image
        padded, widths = pad_to_multiple(torch.zeros(1, 1, *size), network.padded_multiple)
        return lambda heat: crop_padding(default_upsampler(padded.shape[2:])(heat), widths)

    cam = GradCAM(_MeanForeground(network), "recognizer.network.encoder.layer4", enlarge, _as_it_is)
    with torch.enable_grad():
        return cam(x, class_idx=0)[0, 0].detach().cpu()


class _MeanForeground(nn.Module):
    """A segmentation as a classification with one class."""

    def __init__(self, recognizer: nn.Module) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, x: Tensor) -> Tensor:
        return self.recognizer(x)[:, 1:].mean().view(1, 1)


def _as_it_is(heat: Tensor) -> Tensor:
    """In place of MONAI's normalisation, which turns each map upside down and hides how strong it is."""
    return heat


def _diagnosis(recognizer: nn.Module, image: Tensor, class_names: ClassNames) -> str:
    probabilities = class_probabilities(recognizer, image)
    best = int(probabilities.argmax())
    return f"{class_name(best, class_names)}: {float(probabilities[best]):.2f}"


def _foreground(recognizer: nn.Module, image: Tensor) -> str:
    share = (class_probabilities(recognizer, image).argmax(dim=0) > 0).double().mean()
    return f"{100 * float(share):.1f} % foreground"
