# SPDX-License-Identifier: Apache-2.0
"""A run that starts from another strategy's warm-up equals one from scratch, to the bit."""

from __future__ import annotations

import pytest
import torch
from built_bundles import assert_equal
from monai.bundle import ConfigWorkflow

from monai_gradprom.errors import InputError
from monai_gradprom.handlers import latest_checkpoint

SHARED = "monai_gradprom.experiments.shared_start.SharedStart"
LATER = {"strategy": ("enhancer_only", "joint", "gradprom"), "supervised": (True, False)}


def train(stage, **more):
    """Run a stage in this process; returns its last checkpoint."""
    args = stage.args_file("cpu", resume=True, **more)
    workflow = ConfigWorkflow(config_file=args.pop("config_file"), workflow_type="train", logging_file=False, **args)
    try:
        workflow.initialize()
        workflow.run()
        workflow.finalize()
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = False, False
    return torch.load(latest_checkpoint(stage.output_dir), weights_only=True)


def started_from(folder):
    return {"train#checkpoint#_target_": SHARED, "train#checkpoint#start": str(folder)}


def test_the_results_are_those_of_a_run_from_scratch(plan, tmp_path):
    shared, scratch = plan(**LATER), plan(output=tmp_path / "scratch", **LATER)
    (warm_up,) = shared.warm_ups
    first = train(warm_up.stage)
    assert first["trainer"]["iteration"] == 2  # one epoch of four frames in batches of two
    by_name = {run.name: run for run in scratch.runs}
    chosen = [run for run in shared.runs if run.switches["strategy"] != "joint"]  # the warm-up was joint's, supervised
    assert len(chosen) == 3
    for run in chosen:
        other = by_name[run.name]
        mine = train(run.stages[0], **started_from(warm_up.folder))
        theirs = train(other.stages[0])
        assert_equal(mine, theirs, run.name)
        assert (run.folder / "gate.csv").read_text() == (other.folder / "gate.csv").read_text()
        # it has moved on since
        assert not torch.equal(mine["network"]["tail.conv.weight"], first["network"]["tail.conv.weight"])


def test_a_longer_warm_up_is_refused_and_an_own_checkpoint_comes_first(plan, tmp_path):
    (longer,) = plan(strategy=("joint", "gradprom"), warmup_epochs=2).warm_ups
    (run,) = plan(strategy="gradprom", warmup_epochs=1).runs
    train(longer.stage)
    with pytest.raises(Exception) as caught:
        train(run.stages[0], **started_from(longer.folder))
    assert "after the 1 epochs in which the enhancer is trained alone" in said(caught.value)
    with pytest.raises(Exception) as caught:
        train(run.stages[0], **started_from(tmp_path / "nowhere"))
    assert "holds no checkpoint to start from" in said(caught.value)
    train(run.stages[0])
    # nothing is left to do, so nothing is read from elsewhere
    train(run.stages[0], **started_from(tmp_path / "nowhere"))


def said(error):
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__ or error.__context__
    return str(error)
