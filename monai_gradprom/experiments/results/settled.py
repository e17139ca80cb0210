# SPDX-License-Identifier: Apache-2.0
"""Whether a result may enter a table of comparisons, or is *under-trained*."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..last_tenth import judged_from
from .curves import Curve
from .groups import agrees
from .read import RunResult

__all__ = ["MOVED_AT_MOST", "Baselines", "movement", "under_trained"]

MOVED_AT_MOST = 0.05
"""dB by which validation PSNR may move over the last tenth of a training."""

_DATA = (
    *("bundle", "degradation", "noise_sigma", "scale_factor", "downsampling"),
    *("resize", "split", "split_seed", "fold"),
)

_TRAINING = (
    *("network_def", "weights", "max_epochs", "learning_rate", "lr_schedule", "optimizer"),
    *("batch_size", "accumulation_steps", "image_size", "crop"),
)
"""What an enhancer's training by itself hangs on, beside the data: these, and what is set inside of them."""

_ALONE = ("enhancer_only", "detached")
"""Under ``detached`` a recognizer learns beside the enhancer, which it sends nothing: the weights are the same."""

Baselines = Mapping[tuple[str | None, float], float]
"""(bundle, or None for any; σ) → mean PSNR of BM3D on the test set, dB."""


def movement(psnr: Curve, epochs: int) -> float | None:
    """Highest minus lowest validation PSNR from the last validation at or before 90 % of the epochs on, in dB.

    Returns:
        None where that cannot be said: fewer than two validations, or none so late.
    """
    start = judged_from(psnr, epochs)
    late = [value for epoch, value in psnr.items() if start is not None and epoch >= start]
    return max(late) - min(late) if len(late) > 1 else None


def under_trained(run: RunResult, runs: Sequence[RunResult], baselines: Baselines) -> str | None:
    """Why a run's result is *under-trained*; None where it is not.

    A result enters a comparison if the enhancer alone, the same network trained likewise on the same data
    (``enhancer_only`` or ``detached``), beats BM3D (in super-resolution the bicubic enlargement), and if the run's
    validation PSNR moved by less than :data:`MOVED_AT_MOST` dB over the last tenth of its epochs. Recognizers by
    themselves have no PSNR to judge by.

    Args:
        run: the run.
        runs: all runs; among them the enhancer alone.
        baselines: of BM3D.
    """
    if run.strategy == "recognizer_only":
        return None
    psnr, epochs = run.validation.get("psnr", {}), int(run.switches.get("max_epochs", 0))
    moved = movement(psnr, epochs)
    if moved is None:
        return "too few validations to see whether it still moves"
    if moved >= MOVED_AT_MOST:
        start = judged_from(psnr, epochs)  # far before the last tenth where validations are rare
        return f"validation PSNR moved by {moved:.2f} dB from epoch {start} of {epochs} on"
    return _against_baseline(run, runs, baselines)


def _against_baseline(run: RunResult, runs: Sequence[RunResult], baselines: Baselines) -> str | None:
    data = {name: run.switches[name] for name in _DATA if name in run.switches}
    alone = [
        other
        for other in runs
        if other.strategy in _ALONE and agrees(other, data) and _training(other) == _training(run)
    ]
    if not alone:
        return "no run of the enhancer alone to judge by"
    reached = float(np.mean([other.metrics["psnr"] for other in alone]))
    name, level = _baseline(run, alone, baselines)
    if level is None:
        return f"{name} was not measured (--bm3d)"
    return None if reached > level else f"the enhancer alone, {reached:.2f} dB, does not beat {name}, {level:.2f} dB"


def _training(run: RunResult) -> dict[str, Any]:
    """The switches that say how the enhancer by itself is trained, and which network it is."""
    return {name: value for name, value in run.switches.items() if re.split("[:#]", name)[0] in _TRAINING}


def _baseline(run: RunResult, alone: Sequence[RunResult], baselines: Baselines) -> tuple[str, float | None]:
    if run.switches.get("scale_factor", 1) != 1:
        return "bicubic enlargement", float(np.mean([other.metrics["psnr_input"] for other in alone]))
    sigma = float(run.switches.get("noise_sigma", 0.0))
    return "BM3D", baselines.get((run.bundle, sigma), baselines.get((None, sigma)))
