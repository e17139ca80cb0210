# SPDX-License-Identifier: Apache-2.0
"""MONAI's experiment tracking with the bundles' configurations, offline; needs ``pip install -e '.[tracking]'``."""

from __future__ import annotations

import sqlite3

import pytest
import torch
from monai.bundle import ConfigWorkflow


def test_a_training_is_tracked_in_a_local_data_base(plan, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    base = tmp_path / "mlruns.db"
    arguments = {"tracking": "mlflow", "tracking_uri": f"sqlite:///{base}", "experiment_name": "camus"}
    (run,) = plan(strategy="joint", max_epochs=2, arguments=arguments).runs
    args = run.stages[0].args_file("cpu")
    workflow = ConfigWorkflow(config_file=args.pop("config_file"), workflow_type="train", logging_file=False, **args)
    try:
        workflow.initialize()  # its switches pass the check
        workflow.run()
        workflow.finalize()
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = False, False
    with sqlite3.connect(base) as data:
        names = [name for (name,) in data.execute("select name from runs")]
        values = {key for (key,) in data.execute("select key from metrics")}
    assert names == [run.name]
    assert {"train_loss", "psnr", "ssim", "miou"} <= values
