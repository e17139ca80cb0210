# SPDX-License-Identifier: Apache-2.0
"""Figures of an evaluation as PNGs."""

from __future__ import annotations

import copy
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn

from monai_gradprom.choices import check_choice
from monai_gradprom.errors import InputError
from monai_gradprom.networks import load_weights

from .activation import activation_row
from .arguments import check_compared, check_ids, check_images
from .cases import Case, make_case
from .cells import Row
from .grid import draw
from .guided import guided_row
from .panels import panel_row
from .recognition import ClassNames

if TYPE_CHECKING:
    from monai_gradprom.engines import AuxiliaryTask

__all__ = ["FIGURES", "Figures"]

logger = logging.getLogger("monai_gradprom.figures")

FIGURES = ("panels", "cam", "guided_backprop")
"""Side-by-side images (the paper's Figures 4, 6, 7), class activation maps (5), guided backpropagation (2)."""


class Figures:
    """Draw figures of some images of an evaluation.

    Writes ``<output_dir>/figures/panels.png``, ``cam_<task>.png`` and ``guided_backprop.png`` with one row per image,
    and each row as a PNG of its own, ``panels_<id>.png`` and so on. Networks are left exactly as they are.

    Args:
        names: figures, of :data:`FIGURES`; without any, nothing is done.
        output_dir: the evaluation's folder.
        images: how many images, from the first on, or the ids of images.
        network: the enhancer that is evaluated.
        inferer: applies it, ``inferer(x, network)``.
        tasks: the tasks whose recognizers are looked into.
        compared: title → weights file of another enhancer of the same architecture, shown beside this one.
        title: heads this enhancer's column.
        class_names: a diagnosis's classes in words.

    Raises:
        InputError: an unknown figure, no image, maps without a recognizer, two columns of the same title; when the
            evaluation starts: weights that do not fit, or an id that the data do not hold.
    """

    def __init__(
        self,
        names: Sequence[str] | str | None,
        output_dir: str | Path,
        images: int | str | Sequence[str],
        network: nn.Module,
        inferer: Callable[..., Tensor],
        tasks: Sequence[AuxiliaryTask] = (),
        compared: Mapping[str, str | os.PathLike[str]] | None = None,
        title: str = "enhanced",
        class_names: ClassNames = (),
    ) -> None:
        listed = [names] if isinstance(names, str) else list(names or ())
        self.names = [check_choice("figures", name, FIGURES) for name in listed]
        self.folder = Path(output_dir) / "figures"
        self.images = check_images(images)
        self.network = network
        self.inferer = inferer
        self.tasks = list(tasks)
        self.compared = check_compared(compared or {}, title)
        self.title = title
        self.class_names = class_names
        if "cam" in self.names and not self.tasks:
            raise InputError(
                "the figure 'cam' looks into a recognizer, but there is none; give --recognizer_weights too."
            )

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        if self.names and idist.get_rank() == 0:
            engine.add_event_handler(Events.STARTED, self._start)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._draw)
            engine.add_event_handler(Events.COMPLETED, self._finish)

    def _start(self, engine: Engine) -> None:
        if not isinstance(self.images, int):
            check_ids(self.images, engine)
        self._seen = 0
        self._rows: dict[str, list[Row]] = {}
        self._files: set[str] = set()
        self._skipped: set[str] = set()
        self._enhancers = {title: self._load(path) for title, path in self.compared.items()}

    def _load(self, path: str | os.PathLike[str]) -> nn.Module:
        network = copy.deepcopy(self.network).eval()
        load_weights(network, path)
        return network

    def _draw(self, engine: Engine) -> None:
        state: Any = engine.state
        for item in ({**batch, **output} for batch, output in zip(state.batch, state.output, strict=True)):
            name = str(item.get("id", self._seen))
            if self._seen < self.images if isinstance(self.images, int) else name in self.images:
                runs = {title: self._run(engine, network) for title, network in self._enhancers.items()}
                case = make_case(name, item, runs, self.title)
                file = self._file_name(name)
                for figure, row in self._figures(case):
                    self._rows.setdefault(figure, []).append(row)
                    draw([row], self.folder / f"{figure}_{file}.png")
            self._seen += 1

    def _finish(self, engine: Engine) -> None:
        for figure, rows in self._rows.items():
            draw(rows, self.folder / f"{figure}.png")
        logger.info("%s of %d images are in %s.", ", ".join(self._rows), len(self._files), self.folder)
        del self._enhancers, self._rows

    def _figures(self, case: Case) -> Iterator[tuple[str, Row]]:
        keyed = [(task, task.target_key or task.name) for task in self.tasks]
        if "panels" in self.names:
            yield "panels", panel_row(case)
        if "cam" in self.names:
            for task, key in keyed:
                row = activation_row(case, task.network, key, self.class_names)
                if row is not None:
                    yield f"cam_{task.name}", row
                elif task.name not in self._skipped:
                    self._skipped.add(task.name)
                    logger.warning(
                        "no activation maps of task %r: which layer of a %s to look at is not known.",
                        task.name,
                        type(task.network).__name__,
                    )
        if "guided_backprop" in self.names:
            recognizers = [(task.network, key) for task, key in keyed]
            yield "guided_backprop", guided_row(case, self.network, self.inferer, recognizers, self.class_names)

    def _run(self, engine: Engine, network: nn.Module) -> Callable[[Tensor], Tensor]:
        """The compared enhancer, applied as the evaluator applies its own."""
        device = next(network.parameters(), torch.empty(0)).device
        options: dict[str, Any] = {"enabled": getattr(engine, "amp", False), **getattr(engine, "amp_kwargs", {})}

        def enhance(x: Tensor) -> Tensor:
            with torch.no_grad(), torch.autocast(device.type, **options):
                return self.inferer(x.to(device), network).float()

        return enhance

    def _file_name(self, name: str) -> str:
        """A file name for an id, of its own where ids differ in punctuation only."""
        plain = re.sub(r"[^\w.-]+", "_", name)
        file, number = plain, 1
        while file in self._files:
            number += 1
            file = f"{plain}_{number}"
        self._files.add(file)
        return file
