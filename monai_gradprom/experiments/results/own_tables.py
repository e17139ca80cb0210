# SPDX-License-Identifier: Apache-2.0
"""Tables that the paper does not have: every setting's strategies, their differences, what the gate did."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from .groups import Setting, by_strategy
from .read import FIXED, RunResult
from .statistics import Difference, mean_and_std, paired_difference
from .table import Row, Table

__all__ = ["METRICS", "VALIDATED", "difference_table", "gate_table", "metric_cells", "quality_table", "validated_cells"]

Judge = Callable[[RunResult], str | None]

_RECOGNITION = {
    "accuracy": ("accuracy", 3),
    "balanced_accuracy": ("balanced accuracy", 3),
    "auc": ("AUC", 3),
    "miou": ("mIoU", 3),
    "iou": ("IoU, each image", 3),
    "area_difference": ("area, relative difference", 3),
}
METRICS = {
    "psnr": ("PSNR [dB]", 2),
    "ssim": ("SSIM", 4),
    "psnr_sector": ("PSNR in the sector [dB]", 2),
    "ssim_sector": ("SSIM in the sector", 4),
    **_RECOGNITION,
    **{f"{FIXED}{name}": (f"{title}, fixed recognizer", digits) for name, (title, digits) in _RECOGNITION.items()},
}
"""Metric → heading and decimals."""

VALIDATED = ("best epoch", "validation PSNR, last epoch [dB]")
"""Headings: weights of the best epoch are measured, which may lie before what a strategy does to the later ones."""

_IMAGE = ("psnr", "ssim")

HOW = (
    "Difference = first minus second, with 95 % confidence intervals. Over seeds: paired Student's t on the seeds' "
    "mean differences, same seed against same seed (same initial weights, data order and noise). Over images: "
    "bootstrap of the test images' differences, averaged over seeds (10,000 resamples, percentiles). Intervals are not "
    "corrected for the number of comparisons."
)


def quality_table(setting: Setting, name: str, judge: Judge) -> Table:
    """Every metric of every strategy, mean ± sample deviation over seeds; the degraded image in the first row."""
    shown = [metric for metric in METRICS if any(metric in run.metrics for run in setting.runs)]
    titles = {metric: METRICS[metric][0] for metric in shown}
    table = Table(name, setting.title, ("strategy", "seeds"), [*titles.values(), *VALIDATED])
    groups = by_strategy(setting.runs)
    first = next((runs for strategy, runs in groups.items() if strategy != "recognizer_only"), None)
    if first:
        cells = metric_cells(first[:1], {f"{metric}_input": title for metric, title in titles.items()})
        table.rows.append(Row(("degraded image", ""), cells))
    for strategy, runs in groups.items():
        ending = "_input" if strategy == "recognizer_only" else ""
        names = {metric + ending: title for metric, title in titles.items() if not (ending and metric[:4] in _IMAGE)}
        why = sorted({reason for run in runs if (reason := judge(run))})
        marks = ("under-trained", *why) if why else ()
        cells = metric_cells(runs, names) | ({} if ending else validated_cells(runs))
        table.rows.append(Row((strategy, str(len(runs))), cells, marks, "ours"))
    return table


def metric_cells(runs: Sequence[RunResult], names: dict[str, str]) -> dict[str, str]:
    """Title → mean ± sample deviation over ``runs``, for the metrics (name → title) that they have measured."""
    cells = {}
    for metric, title in names.items():
        values = [run.metrics[metric] for run in runs if np.isfinite(run.metrics.get(metric, np.nan))]
        if values:
            mean, std = mean_and_std(values)
            digits = METRICS[metric.removesuffix("_input")][1]
            cells[title] = f"{mean:.{digits}f}" + ("" if std is None else f" ± {std:.{digits}f}")
    return cells


def validated_cells(runs: Sequence[RunResult]) -> dict[str, str]:
    """:data:`VALIDATED` → the best epoch of each seed, and mean ± sample deviation of the last one's PSNR."""
    curves = [curve for run in runs if (curve := run.validation.get("psnr"))]
    if not curves:
        return {}
    mean, std = mean_and_std([curve[max(curve)] for curve in curves])
    best = ", ".join(str(max(curve, key=lambda epoch: curve[epoch])) for curve in curves)
    return dict(zip(VALIDATED, (best, f"{mean:.2f}" + ("" if std is None else f" ± {std:.2f}")), strict=True))


def difference_table(setting: Setting, name: str, judge: Judge) -> Table:
    """Every pair of strategies, the later one of the usual order minus the earlier one."""
    columns = ["difference", "over seeds", "seeds", "over images", "images"]
    table = Table(name, setting.title, ("strategies", "metric"), columns, notes=[HOW])
    groups = {strategy: runs for strategy, runs in by_strategy(setting.runs).items() if strategy != "recognizer_only"}
    for second, first in itertools.combinations(groups, 2):
        for metric, (title, digits) in METRICS.items():
            one, other = _values((groups[first], groups[second]), metric)
            found = paired_difference(one, other)
            if found is not None:
                why = any(judge(run) for run in groups[first] + groups[second])
                cells = _difference_cells(found, digits + 1)
                marks = ("under-trained",) if why else ()
                table.rows.append(Row((f"{first} − {second}", title), cells, marks, "ours"))
    lengths = {int(run.record["stages"]["train"].get("updates", 0)) for runs in groups.values() for run in runs}
    if len(lengths) > 1:
        table.notes.append(f"The runs differ in their number of updates ({', '.join(map(str, sorted(lengths)))}).")
    return table


def _values(sides: Sequence[Sequence[RunResult]], metric: str) -> list[dict]:
    """Of each side, seed → image → value where all images of all runs have values of their own, else seed → value."""
    if all(metric in run.per_image for runs in sides for run in runs):
        return [{run.seed: run.per_image[metric] for run in runs} for runs in sides]
    measured = [[run for run in runs if np.isfinite(run.metrics.get(metric, np.nan))] for runs in sides]
    return [{run.seed: run.metrics[metric] for run in runs} for runs in measured]


def _difference_cells(found: Difference, digits: int) -> dict[str, str]:
    def interval(bounds: tuple[float, float] | None) -> str:
        return "" if bounds is None else f"[{bounds[0]:+.{digits}f}, {bounds[1]:+.{digits}f}]"

    return {
        "difference": f"{found.mean:+.{digits}f}",
        "over seeds": interval(found.over_seeds),
        "seeds": str(found.seeds),
        "over images": interval(found.over_images),
        "images": str(found.images) if found.images else "pooled",
    }


def gate_table(setting: Setting, name: str) -> Table:
    """Per strategy and task: how often the gate was open, mean cosine, mean ‖λG_VR‖/‖G_IP‖, over all updates."""
    titles = {"gate": "gate open", "cosine": "cosine", "ratio": "‖λG_VR‖/‖G_IP‖"}
    table = Table(name, setting.title, ("strategy", "task"), list(titles.values()))
    for strategy, runs in by_strategy(setting.runs).items():
        for task in dict.fromkeys(task for run in runs for task in run.gate):
            cells = {}
            for field, title in titles.items():
                curves = [run.gate[task][field] for run in runs if field in run.gate.get(task, {})]
                if curves:
                    mean, std = mean_and_std([float(np.mean(list(curve.values()))) for curve in curves])
                    scale, form = (100, ".1f") if field == "gate" else (1, ".3g")
                    text = f"{scale * mean:{form}}" + ("" if std is None else f" ± {scale * std:{form}}")
                    cells[title] = f"{text} %" if field == "gate" else text
            table.rows.append(Row((strategy, task), cells, kind="ours"))
    return table
