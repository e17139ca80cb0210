# SPDX-License-Identifier: Apache-2.0
"""Rows of pictures in one PNG: what every figure is drawn with."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .cells import Cell, Row

__all__ = ["draw"]

_COLUMN = 2.8  # inches
_DPI = 160
_RED: dict[str, Any] = {"edgecolor": "red", "linewidth": 1.2}


def draw(rows: Sequence[Row], path: str | Path) -> None:
    """Draw rows of pictures into a PNG; its folder is made.

    Args:
        rows: at least one; they may differ in the size and number of their pictures.
        path: the PNG.
    """
    from matplotlib.figure import Figure  # heavy, and only pictures need it

    heights = [_heights(row) for row in rows]
    lines = [height for row in heights for height in row]
    columns = max(len(row.cells) for row in rows)
    inches = (columns * _COLUMN + 1.0, sum(lines) * _COLUMN + 0.45 * len(lines) + 0.3)
    figure = Figure(figsize=inches, dpi=_DPI, layout="constrained")
    grid = figure.add_gridspec(len(lines), columns, height_ratios=lines)
    line = 0
    for number, row in enumerate(rows):
        axes = [
            [figure.add_subplot(grid[line + i, j]) for j in range(len(row.cells))]
            for i, _ in enumerate(heights[number])
        ]
        headed = number == 0 or _titles(row) != _titles(rows[number - 1])
        _draw_row(figure, axes, row, headed)
        line += len(axes)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _heights(row: Row) -> list[float]:
    """Heights of a row's one or two lines of pictures, in widths of a column."""
    lines = [max(cell.size[1] / cell.size[0] for cell in row.cells)]
    boxes = [cell.box[3] / cell.box[2] for cell in row.cells if cell.box]
    return [*lines, max(boxes)] if boxes else lines


def _titles(row: Row) -> list[str]:
    return [cell.title for cell in row.cells]


def _wrapped(text: str, inches: float) -> str:
    """Break long names, which lie along the side of a row."""
    letters = max(8, int(14 * inches))
    return "\n".join(textwrap.fill(line, letters) for line in text.splitlines())


def _draw_row(figure: Any, lines: list[list[Any]], row: Row, headed: bool) -> None:
    for axes, cell in zip(lines[0], row.cells, strict=True):
        _show(axes, cell.pixels, cell.size)
        axes.set_title(cell.title if headed else "", fontsize=11)
        axes.set_xlabel(cell.caption, fontsize=9)
    lines[0][0].set_ylabel(_wrapped(row.name, inches=_heights(row)[0] * _COLUMN), fontsize=8)
    _draw_heat(figure, lines[0], row)
    for line in lines[1:]:
        for axes, below, cell in zip(lines[0], line, row.cells, strict=True):
            _draw_detail(axes, below, cell)


def _draw_heat(figure: Any, line: list[Any], row: Row) -> None:
    heated = [(axes, cell.heat, cell.size) for axes, cell in zip(line, row.cells, strict=True) if cell.heat is not None]
    if not heated:
        return
    colours = {
        "vmin": min(float(heat.min()) for _, heat, _ in heated),
        "vmax": max(float(heat.max()) for _, heat, _ in heated),
        "cmap": "turbo",
        "alpha": 0.45,
    }
    for axes, heat, size in heated:
        shown = axes.imshow(heat, extent=(0, size[0], size[1], 0), **colours)
    bar = figure.colorbar(shown, ax=line, label=row.scale, pad=0.01, shrink=0.9)
    bar.solids.set_alpha(1)


def _draw_detail(axes: Any, below: Any, cell: Cell) -> None:
    if cell.box is None or cell.detail is None:
        below.set_axis_off()
        return
    from matplotlib.patches import Rectangle

    left, top, width, height = cell.box
    axes.add_patch(Rectangle((left, top), width, height, fill=False, **_RED))
    _show(below, cell.detail, (width, height))
    for spine in below.spines.values():
        spine.set(visible=True, **_RED)


def _show(axes: Any, pixels: np.ndarray, size: tuple[int, int]) -> None:
    # coordinates are the image's own pixels, however few of them are drawn
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, extent=(0, size[0], size[1], 0))
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_visible(False)
