# SPDX-License-Identifier: Apache-2.0
"""The paper's figures: side-by-side panels, class activation maps, guided backpropagation; the worst images."""

from __future__ import annotations

from .activation import activation_row, class_activation, foreground_activation
from .cases import Case, View
from .cells import Cell, Row, make_cell
from .grid import draw
from .guided import guided_gradient, guided_row
from .handler import FIGURES, Figures
from .panels import busiest_window, panel_row
from .worst import CHECKS, WorstImages

__all__ = [
    "CHECKS",
    "FIGURES",
    "Case",
    "Cell",
    "Figures",
    "Row",
    "View",
    "WorstImages",
    "activation_row",
    "busiest_window",
    "class_activation",
    "draw",
    "foreground_activation",
    "guided_gradient",
    "guided_row",
    "make_cell",
    "panel_row",
]
