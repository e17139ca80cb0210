# SPDX-License-Identifier: Apache-2.0
"""multi_gpu_train.json with two processes on the CPU: under torchrun, and against one process."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigWorkflow
from processes import in_processes
from tiny_bundles import tiny_recognizer

CONFIGS = Path(__file__).parents[2] / "bundles" / "camus_denoise" / "configs"
RECOGNIZER = {"recognizer_defs#segmentation": tiny_recognizer(strides=[2])}
SWITCHES = {
    "network_def#channels": 4,
    "network_def#num_blocks": 1,
    "image_size": 32,
    "batch_size": 2,
    "max_epochs": 4,
    "val_interval": 1,
    "warmup_epochs": 1,
    "recognizer_pretrain_epochs": 1,
    "device": "$torch.device('cpu')",
}


def _run(rank, world, camus, output, configs, switches):
    """One workflow; what the validation and the networks came to."""
    workflow = ConfigWorkflow(
        config_file=[str(CONFIGS / f"{name}.json") for name in configs],
        workflow_type="train",
        logging_file=False,
        dataset_dir=str(camus),
        output_dir=str(output),
        **SWITCHES | RECOGNIZER | switches,
    )
    workflow.initialize()
    workflow.run()
    get = workflow.parser.get_parsed_content
    evaluator, network, task = get("validate#evaluator"), get("network"), get("tasks")[0]
    found = {
        "metrics": dict(evaluator.state.metrics),
        "images": len(get("validate#dataset")),
        "state": network.state_dict() | {f"r.{k}": v for k, v in task.network.state_dict().items()},
        "kinds": {type(m).__name__ for net in (network, task.network) for m in net.modules()},
    }
    workflow.finalize()
    return found


def _two(camus, output, **switches):
    return in_processes(_run, camus, output, ["train", "multi_gpu_train"], switches)


def _gates(folder):
    return list(csv.DictReader((folder / "gate.csv").open(newline="")))


@pytest.mark.parametrize("batch_size", [4, 3])
def test_two_processes_are_one(camus, tmp_path, batch_size):
    """4 frames: a batch of 4 is 2 and 2, normalised together; of 3 one process gets 2 and another 1.

    The latter are degraded batch by batch, so that noise is seen not to depend on who shares a batch.
    """
    # Adam would blow rounding up where a bias precedes a batch normalisation and has no gradient
    options = dict.fromkeys(["optimizer#_target_", "recognizers#optimizer#_target_"], "torch.optim.SGD")
    options |= {"noise_sigma": 0.4, "learning_rate": 0.1}
    if batch_size == 3:
        options |= {"train#dataset#data": "$@train#datalist[:3]", "degrade_on": "device"}
    (one,) = in_processes(_run, camus, tmp_path / "one", ["train"], options | {"batch_size": 4}, world=1)
    two = _two(camus, tmp_path / "two", **options)
    assert one["images"] == 4 and [found["images"] for found in two] == [2, 2]
    assert "SynchronisedBatchNorm" in two[0]["kinds"] and "SynchronisedBatchNorm" not in one["kinds"]
    for found in two:
        assert found["metrics"] == pytest.approx(one["metrics"], rel=1e-5)
    for name, tensor in one["state"].items():
        assert torch.equal(two[0]["state"][name], two[1]["state"][name])
        assert torch.allclose(two[0]["state"][name], tensor, rtol=0, atol=1e-5)
    rows = [_gates(tmp_path / name) for name in ("one", "two")]
    assert [row["gate"] for row in rows[0]] == [row["gate"] for row in rows[1]]
    assert [row["iteration"] for row in rows[1]] == ["2", "3", "4"]
    for name in ("loss", "cosine", "ratio"):
        assert [float(r[name]) for r in rows[0]] == pytest.approx([float(r[name]) for r in rows[1]], rel=1e-4, abs=1e-5)


def test_a_resumed_run_equals_the_uninterrupted_one(camus, tmp_path):
    whole = _two(camus, tmp_path / "whole", lr_schedule="constant")
    _two(camus, tmp_path / "cut", lr_schedule="constant", max_epochs=2)
    resumed = _two(camus, tmp_path / "cut", lr_schedule="constant", resume="true")
    for a, b in zip(whole, resumed, strict=True):
        assert a["metrics"] == b["metrics"]
        assert all(torch.equal(tensor, b["state"][name]) for name, tensor in a["state"].items())
    assert (tmp_path / "whole" / "gate.csv").read_text() == (tmp_path / "cut" / "gate.csv").read_text()


def test_torchrun_trains_and_writes_once(camus, tmp_path):
    """Mixed precision, accumulation, clipping and channels-last on the way."""
    files = str([str(CONFIGS / "train.json"), str(CONFIGS / "multi_gpu_train.json")])
    switches = SWITCHES | {"dataset_dir": camus, "output_dir": tmp_path} | RECOGNIZER
    switches |= {"batch_size": 1, "accumulation_steps": 2, "max_epochs": 2, "clip_norm": 0.5, "channels_last": "true"}
    switches |= {"amp": "true", "amp_dtype": "bfloat16", "image_size": 40}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "monai.bundle",
         "run", f"--config_file={files}", *(f"--{name}={value}" for name, value in switches.items())],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-9000:]
    assert done.stdout.count("validation, best epoch") == 1
    # 4 frames, 2 processes, batches of 1, windows of 2: one update an epoch, the second of them with the recognizer
    assert [row["iteration"] for row in _gates(tmp_path)] == ["4"]
    names = {path.name for path in tmp_path.iterdir()}
    assert {"model.pt", "recognizer_segmentation.pt", "before_after_clean.png"} <= names
    assert {"checkpoint_iteration=2.pt", "checkpoint_iteration=4.pt"} <= names
