# SPDX-License-Identifier: Apache-2.0
"""The images of an evaluation that its checks find worst, with what they found."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.utils import convert_to_tensor
from scipy.ndimage import binary_dilation, binary_erosion
from torch import Tensor

from monai_gradprom.handlers.per_image import PerImageMetric
from monai_gradprom.metrics.edges import unsupported_edges

from .cells import Cell, Row, make_cell
from .grid import draw

__all__ = ["CHECKS", "WorstImages"]

CHECKS = {"structure": -1, "new_edges": 1, "lost_edges": 1, "mask_agreement": -1, "new_structure": 1}
"""Checks of :func:`~monai_gradprom.handlers.faithfulness_metrics`; 1 where the highest value is the worst."""

_LOGGER = logging.getLogger("monai_gradprom.figures")
_RED, _YELLOW, _CYAN = (1.0, 0.1, 0.1), (1.0, 0.85, 0.1), (0.1, 0.9, 1.0)
_KEPT = ("baseline", "pred", "segmentation_image", "segmentation_pred")


class WorstImages:
    """Draw the images with the worst value of each check: input, output, edges that are new or lost, masks.

    Writes ``<output_dir>/figures/worst_<check>.png``, the worst image first. Of several processes the first one draws,
    of its own images.

    Args:
        metrics: name → metric, as the evaluator measures them; those that are no check are passed over.
        output_dir: the evaluation's folder.
        images: how many of each; 0 draws nothing.
        region: key of the mask [1, W, H] in the batch that the metrics look at; None for the whole image.
    """

    def __init__(
        self,
        metrics: Mapping[str, PerImageMetric],
        output_dir: str | Path,
        images: int = 3,
        region: str | None = None,
    ) -> None:
        self.metrics = {name: metric for name, metric in metrics.items() if name in CHECKS}
        self.folder = Path(output_dir) / "figures"
        self.images = int(images)
        self.region = region

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator, after its metrics."""
        if self.images > 0 and self.metrics and idist.get_rank() == 0:
            engine.add_event_handler(Events.STARTED, self._restart)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._collect)
            engine.add_event_handler(Events.COMPLETED, self._finish)

    def _restart(self) -> None:
        self._worst: dict[str, list[tuple[float, str, dict[str, Tensor]]]] = {name: [] for name in self.metrics}
        self._seen = 0

    def _collect(self, engine: Engine) -> None:
        state: Any = engine.state
        for batch, output in zip(state.batch, state.output, strict=True):
            item = {**batch, **output}
            name = str(item.get("id", self._seen))
            for check, metric in self.metrics.items():
                self._keep(check, metric.values[self._seen], name, item)
            self._seen += 1

    def _keep(self, check: str, value: float, name: str, item: Mapping[str, Any]) -> None:
        """Remember an image that is among the worst so far."""
        worst, sign = self._worst[check], CHECKS[check]
        if math.isfinite(value) and (len(worst) < self.images or sign * value > sign * worst[-1][0]):
            worst.append((value, name, self._copy(item)))
            worst.sort(key=lambda entry: sign * entry[0], reverse=True)
            del worst[self.images :]

    def _copy(self, item: Mapping[str, Any]) -> dict[str, Tensor]:
        keys = (*_KEPT, *([] if self.region is None else [self.region]))
        return {key: convert_to_tensor(item[key], track_meta=False).detach().cpu() for key in keys if key in item}

    def _finish(self) -> None:
        for check, entries in self._worst.items():
            rows = [Row(f"{name}\n{check} {value:.3g}", tuple(self._cells(item))) for value, name, item in entries]
            if rows:
                draw(rows, self.folder / f"worst_{check}.png")
        _LOGGER.info("the worst images of %s are in %s.", ", ".join(self.metrics), self.folder)
        del self._worst

    def _cells(self, item: Mapping[str, Tensor]) -> Iterator[Cell]:
        before, after = item["baseline"].clamp(0, 1), item["pred"].clamp(0, 1)
        mask = None if self.region is None else item[self.region][0].numpy() != 0
        grey = [image.double().mean(dim=0).numpy() for image in (before, after)]
        _, new = unsupported_edges(grey[1], grey[0], mask)
        _, lost = unsupported_edges(grey[0], grey[1], mask)
        yield make_cell("input", before)
        yield make_cell("enhanced", after)
        yield make_cell("new edges", paint(after, binary_dilation(new), _RED))
        yield make_cell("lost edges", paint(before, binary_dilation(lost), _RED))
        if "segmentation_pred" in item:
            outlined = paint(after, _outlines(item["segmentation_image"]), _YELLOW)
            yield make_cell(
                "masks", paint(outlined, _outlines(item["segmentation_pred"]), _CYAN), "yellow: input, blue: enhanced"
            )


def paint(image: Tensor, where: np.ndarray, colour: tuple[float, float, float]) -> Tensor:
    """An image [C, W, H] as RGB, with a colour where ``where`` [W, H] is True."""
    rgb = (image if len(image) == 3 else image[:1].expand(3, -1, -1)).float().clone()
    rgb[:, torch.from_numpy(where)] = torch.tensor(colour)[:, None]
    return rgb


def _outlines(labels: Tensor) -> np.ndarray:
    """The inner border of every structure of a mask [1, W, H]."""
    mask = labels[0].numpy()
    borders = [mask == c for c in np.unique(mask) if c != 0]
    return np.any([inside & ~binary_erosion(inside) for inside in borders] or [np.zeros(mask.shape, bool)], axis=0)
