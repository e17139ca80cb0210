# SPDX-License-Identifier: Apache-2.0
"""Curves over the training, and the front of quality against recognition, as SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .curves import Curve, mean_curve
from .groups import Setting, by_strategy
from .own_tables import METRICS
from .read import FIXED, RunResult
from .sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["front_chart", "sweep_chart", "training_chart"]

# Okabe and Ito's colours, which the colour-blind can tell apart, and wine, one of Tol's
_COLOURS = {
    "recognizer_only": "#999999",
    "enhancer_only": "#000000",
    "detached": "#CC79A7",
    "joint": "#D55E00",
    "frozen": "#E69F00",
    "gradprom": "#0072B2",
    "gradprom_cosine": "#56B4E9",
    "frozen_gradprom": "#F0E442",
    "frozen_gradprom_cosine": "#882255",
    "bilevel": "#009E73",
}
_GATE = {"gate": "gate open [share of updates]", "cosine": "cosine", "ratio": "‖λG_VR‖/‖G_IP‖"}
_VALIDATED = ("psnr", "ssim", "accuracy", "miou")
_RECOGNITION = ("accuracy", "auc", "miou")


def training_chart(setting: Setting) -> str:
    """Validation metrics, gate openness, cosine and ratio by epoch: mean over seeds, band ± one standard deviation.

    Returns:
        an SVG; empty where no run has a curve.
    """
    panels: dict[str, dict[str, list[Curve]]] = {}
    groups = by_strategy(setting.runs)
    groups.pop("recognizer_only", None)  # it enhances nothing
    for strategy, runs in groups.items():
        for name in _VALIDATED:
            _add(panels, f"{METRICS[name][0]}, validation", strategy, [run.validation.get(name, {}) for run in runs])
        for task in dict.fromkeys(task for run in runs for task in run.gate):
            for field, title in _GATE.items():
                curves = [run.gate.get(task, {}).get(field, {}) for run in runs]
                _add(panels, f"{task}: {title}", strategy, curves)
    return _draw(panels) if panels else ""


def _add(panels: dict[str, dict[str, list[Curve]]], title: str, strategy: str, curves: list[Curve]) -> None:
    there = [curve for curve in curves if curve]
    if there:
        panels.setdefault(title, {})[strategy] = there


def _draw(panels: Mapping[str, Mapping[str, Sequence[Curve]]]) -> str:
    from matplotlib.ticker import MaxNLocator

    columns = min(4, len(panels))
    figure = _figure(3.3 * columns, 2.5 * -(-len(panels) // columns) + 0.4)
    drawn: dict[str, Any] = {}
    for number, (title, strategies) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(-(-len(panels) // columns), columns, number, title=title)
        axes.title.set_fontsize(9)
        axes.tick_params(labelsize=8)
        axes.ticklabel_format(useOffset=False)
        axes.grid(alpha=0.3)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        for strategy, curves in strategies.items():
            epochs, mean, spread = mean_curve(curves)
            colour = _COLOURS.get(strategy)
            marker = "o" if len(epochs) < 3 else None
            (drawn[strategy],) = axes.plot(epochs, mean, color=colour, label=strategy, linewidth=1.4, marker=marker)
            axes.fill_between(epochs, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)
    figure.supxlabel("epoch", fontsize=9)
    figure.legend(
        handles=list(drawn.values()), loc="outside upper center", ncols=min(6, len(drawn)), fontsize=9, frameon=False
    )
    return _svg(figure)


def front_chart(setting: Setting) -> str:
    """PSNR against what recognizers make of the enhanced image, a point for each strategy, bars ± one deviation.

    Returns:
        an SVG; empty where no recognizer was asked.
    """
    groups = {s: {None: runs} for s, runs in by_strategy(setting.runs).items() if s != "recognizer_only"}
    return _front(groups)


def sweep_chart(sweep: Sweep) -> str:
    """PSNR against recognition, a line for each strategy through its weights, smallest first; bars ± one deviation.

    Returns:
        an SVG; empty where no recognizer was asked.
    """
    return _front(sweep.runs)


def _front(groups: Mapping[str, Mapping[Any, Sequence[RunResult]]]) -> str:
    runs = [run for weights in groups.values() for group in weights.values() for run in group]
    asked = [FIXED * fixed + name for name in _RECOGNITION for fixed in (0, 1)]
    metrics = [metric for metric in asked if any(np.isfinite(run.metrics.get(metric, np.nan)) for run in runs)]
    if not metrics:
        return ""
    columns = min(3, len(metrics))
    figure = _figure(4.2 * columns + 1.8, 3.4 * -(-len(metrics) // columns))
    drawn: dict[str, Any] = {}
    for number, metric in enumerate(metrics, 1):
        axes = figure.add_subplot(-(-len(metrics) // columns), columns, number)
        axes.set(xlabel="PSNR [dB]", ylabel=METRICS[metric][0])
        axes.grid(alpha=0.3)
        axes.locator_params(nbins=5)
        axes.ticklabel_format(useOffset=False)
        for strategy, weights in groups.items():
            _line(axes, strategy, weights, metric)
        handles, labels = axes.get_legend_handles_labels()
        drawn |= dict(zip(labels, handles, strict=True))
    # beside the panels: within them it would lie over points
    figure.legend(handles=list(drawn.values()), loc="outside right center", fontsize=8, frameon=False)
    return _svg(figure)


def _line(axes: Any, strategy: str, weights: Mapping[Any, Sequence[RunResult]], metric: str) -> None:
    points = []
    for weight, runs in weights.items():
        both = np.array([(run.metrics["psnr"], run.metrics.get(metric, np.nan)) for run in runs])
        both = both[np.isfinite(both).all(axis=1)]
        if len(both):
            points.append((both.mean(axis=0), both.std(axis=0, ddof=1) if len(both) > 1 else np.zeros(2)))
            if len(weights) > 1:
                text = str(weight).replace("relative:", "ρ=")
                axes.annotate(text, points[-1][0], xytext=(4, 4), textcoords="offset points", fontsize=6)
    if points:
        (x, y), (x_bar, y_bar) = np.stack([p for p, _ in points], axis=1), np.stack([s for _, s in points], axis=1)
        colour = _COLOURS.get(strategy)
        axes.errorbar(x, y, y_bar, x_bar, fmt="o-", color=colour, label=strategy, capsize=3, linewidth=1.0)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _svg(figure: Figure) -> str:
    from matplotlib import rc_context

    file = io.StringIO()
    # the same runs give the same file
    with rc_context({"svg.hashsalt": "monai-gradprom", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", metadata={"Date": None}, facecolor="white")
    return file.getvalue()
