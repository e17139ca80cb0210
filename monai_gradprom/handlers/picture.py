# SPDX-License-Identifier: Apache-2.0
"""Before, after and clean, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events

from monai_gradprom.metrics import psnr, ssim

__all__ = ["ComparisonPicture", "save_comparison"]


class ComparisonPicture:
    """Save a PNG of one image of an evaluation: degraded, enhanced, clean, each with its PSNR and SSIM.

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
            save_comparison(self.path, item["image"], item["pred"], item["label"])
        self._seen += len(items)


def save_comparison(path: str | Path, image: torch.Tensor, pred: torch.Tensor, label: torch.Tensor) -> None:
    """Draw three 2-D images [C, W, H] in [0, 1] (grey or RGB, MONAI's axis order) into one PNG.

    An image smaller than the enhanced one (super-resolution) is shown as it is, without PSNR and SSIM.
    """
    from matplotlib.figure import Figure  # heavy, and only pictures need it

    figure = Figure(figsize=(12, 12 * label.shape[2] / label.shape[1] / 3 + 0.8), dpi=110, layout="constrained")
    for axes, (title, tensor) in zip(
        figure.subplots(1, 3), (("degraded", image), ("enhanced", pred), ("clean", label)), strict=True
    ):
        if title != "clean" and tensor.shape == label.shape:
            pair = (torch.as_tensor(tensor)[None].float().clamp(0, 1), torch.as_tensor(label)[None].float())
            title += f"\n{float(psnr(*pair)):.2f} dB, SSIM {float(ssim(*pair)):.3f}"
        pixels = np.clip(np.asarray(torch.as_tensor(tensor).cpu(), dtype=np.float32), 0, 1).transpose(2, 1, 0)
        axes.imshow(pixels if pixels.shape[2] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=1)
        axes.set_title(title)
        axes.set_axis_off()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
