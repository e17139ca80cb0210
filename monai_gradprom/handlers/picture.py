# SPDX-License-Identifier: Apache-2.0
"""Before, after and clean, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_gradprom.handlers.pixels import quality_caption, to_pixels
from monai_gradprom.handlers.report import is_enlarged

__all__ = ["ComparisonPicture", "save_comparison"]


class ComparisonPicture:
    """Save a PNG of one image of an evaluation: degraded, enhanced, clean; see :func:`save_comparison`.

    Of super-resolution the degraded image is shown as the evaluator's ``baseline``, its bicubic enlargement.

    Args:
        path: the PNG.
        index: which image of the evaluation, counted from 0.
    """

    def __init__(self, path: str | Path, index: int = 0) -> None:
        self.path = Path(path)
        self.index = index
        self._seen = 0

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        engine.add_event_handler(Events.STARTED, self._restart)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._draw)

    def _restart(self) -> None:
        self._seen = 0

    def _draw(self, engine: Engine) -> None:
        state: Any = engine.state
        items: list[dict[str, Any]] = state.output
        if self._seen <= self.index < self._seen + len(items):
            item = items[self.index - self._seen]
            before = "bicubic" if is_enlarged(item) else "degraded"
            save_comparison(self.path, item.get("baseline", item["image"]), item["pred"], item.get("label"), before)
        self._seen += len(items)


def save_comparison(
    path: str | Path, image: torch.Tensor, pred: torch.Tensor, label: torch.Tensor | None, before: str = "degraded"
) -> None:
    """Draw 2-D images [C, W, H] in [0, 1] (grey or RGB, MONAI's axis order) side by side into one PNG.

    The degraded and the enhanced image get their PSNR and SSIM against the clean one. Where nothing was degraded
    (``label`` is None or equals ``image``) there is no reference: two panels without numbers. An image smaller than the
    clean one is shown as it is, without numbers.

    Args:
        path: the PNG; its folder is created.
        image: the degraded image.
        pred: the enhanced image.
        label: the clean image.
        before: title of the degraded image.
    """
    from matplotlib.figure import Figure  # heavy, and only pictures need it

    panels = {"input": image, "enhanced": pred}
    if label is not None and not _same(image, label):
        panels = {before: image, "enhanced": pred, "clean": label}
    width, height = pred.shape[1:]
    figure = Figure(figsize=(4 * len(panels), 4 * height / width + 0.8), dpi=110, layout="constrained")
    for axes, (title, tensor) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        axes.imshow(to_pixels(tensor), cmap="gray", vmin=0, vmax=1)
        axes.set_title(title + (_quality(tensor, label) if len(panels) == 3 and title != "clean" else ""))
        axes.set_axis_off()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _same(image: torch.Tensor, label: torch.Tensor) -> bool:
    return image.shape == label.shape and bool((image == label).all())


def _quality(image: torch.Tensor, label: torch.Tensor | None) -> str:
    return "" if label is None or image.shape != label.shape else f"\n{quality_caption(image, label)}"
