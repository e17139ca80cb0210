# SPDX-License-Identifier: Apache-2.0
"""One image of an evaluation in all its versions: the input, every enhancer's output, the clean image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from monai.utils import convert_to_tensor
from torch import Tensor

from monai_gradprom.engines.baseline import enlarged_to
from monai_gradprom.errors import InputError

__all__ = ["CLEAN", "INPUTS", "Case", "View", "make_case"]

CLEAN = "clean"
"""The title of the clean image."""

INPUTS = ("degraded", "bicubic", "input")
"""The titles of the input: degraded at will, enlarged for super-resolution, or an image as it came."""


@dataclass(frozen=True)
class View:
    """One version of an image.

    Attributes:
        title: what it is.
        image: [C, W, H], float32 in [0, 1] on the CPU.
    """

    title: str
    image: Tensor


@dataclass(frozen=True)
class Case:
    """One image in all its versions.

    Attributes:
        name: the image's id.
        image: the enhancer's input [C, W, H] as it is, noise below 0 and above 1 included; in super-resolution smaller
            than the views.
        views: the input (in super-resolution enlarged), each enhancer's output and, last, the clean image if there is
            one; all of one size.
        reference: the clean image [C, W, H]; None where nothing was degraded, so that nothing can be measured.
        labels: the batch's item, which holds the semantic labels that are known.
    """

    name: str
    image: Tensor
    views: tuple[View, ...]
    reference: Tensor | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def given(self) -> Tensor:
        """The input at the size of the output."""
        return self.views[0].image

    @property
    def best(self) -> Tensor:
        """The clean image, or the input where there is none."""
        return self.given if self.reference is None else self.reference


def make_case(
    name: str,
    item: Mapping[str, Any],
    compared: Mapping[str, Callable[[Tensor], Tensor]] | None = None,
    title: str = "enhanced",
) -> Case:
    """Put an evaluated image together.

    Args:
        name: the image's id.
        item: batch and output of one image: ``image`` and ``pred``, if there are any ``label`` (clean), ``baseline``
            (the input at the size of the output) and semantic labels.
        compared: title → another enhancer, called on the input [1, C, W, H] on the CPU.
        title: of this enhancer's output.

    Raises:
        InputError: the image is not 2-D.
    """
    image, pred = _plain(item["image"]), _plain(item["pred"])
    if image.ndim != 3:
        raise InputError(f"figures show 2-D images, but {name} is {image.ndim - 1}-D; leave --figures out.")
    label = None if item.get("label") is None else _plain(item["label"])
    reference = None if label is None or torch.equal(label, image) else label
    enlarged = image.shape[1:] != pred.shape[1:]
    start = INPUTS[1 if enlarged else 0 if reference is not None else 2]
    given = item.get("baseline")
    images = {start: enlarged_to(image[None], pred.shape[1:])[0] if given is None else _plain(given)}
    images |= {other: _plain(enhance(image[None])[0]) for other, enhance in (compared or {}).items()}
    images[title] = pred
    if reference is not None:
        reference = images[CLEAN] = reference.clamp(0, 1)
    return Case(name, image, tuple(View(t, i.clamp(0, 1)) for t, i in images.items()), reference, item)


def _plain(image: Tensor) -> Tensor:
    return convert_to_tensor(image, dtype=torch.float32, track_meta=False).detach().cpu()
