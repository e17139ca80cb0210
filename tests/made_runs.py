# SPDX-License-Identifier: Apache-2.0
"""Finished runs of a grid that nobody has run."""

from __future__ import annotations

from pathlib import Path

from monai_gradprom.experiments.grid.cells import ignored_by
from monai_gradprom.experiments.results.read import RunResult

SWITCHES = {
    "degradation": "gaussian",
    "noise_sigma": 0.1,
    "scale_factor": 1,
    "recognition": "diagnosis",
    "backbone": "resnet18",
    "supervised": True,
    "aux_weight": "relative:0.3",
    "max_epochs": 20,
    "seed": 0,
}


def made_record(strategy, bundle="isic2018_denoise", **switches):
    return {
        "kind": "run",
        "bundle": bundle,
        "bundle_version": "0.1.0",
        "switches": {**SWITCHES, "strategy": strategy, **switches},
        "ignored": list(ignored_by(strategy)),
        "versions": {"monai_gradprom": "0.1.0"},
        "stages": {"train": {"seconds": 60.0, "updates": 40}, "evaluate": {"seconds": 3.0}},
        "failed": None,
    }


def made_run(strategy, metrics=None, psnr=None, per_image=None, gate=None, bundle="isic2018_denoise", **switches):
    """A run that has measured ``metrics``, with validation ``psnr`` epoch → dB."""
    run = RunResult(Path("/nowhere") / strategy, made_record(strategy, bundle, **switches))
    run.__dict__.update(
        metrics=metrics or {},
        per_image=per_image or {},
        validation={"psnr": psnr} if psnr else {},
        gate=gate or {},
    )
    return run
