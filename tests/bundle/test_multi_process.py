# SPDX-License-Identifier: Apache-2.0
"""multi_gpu_train.json under torchrun, with two processes on the CPU."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import torch

CONFIGS = Path(__file__).parents[2] / "bundles" / "camus_denoise" / "configs"
RECOGNIZER = (
    "{'_target_': 'UNet', 'spatial_dims': 2, 'in_channels': 1, 'out_channels': 2, 'channels': [4, 8], 'strides': [2]}"
)


def torchrun(camus, output, **switches):
    defaults = {
        "dataset_dir": camus,
        "output_dir": output,
        "recognizer_defs#segmentation": RECOGNIZER,
        "network_def#channels": 4,
        "network_def#num_blocks": 1,
        "image_size": 32,
        "batch_size": 2,
        "max_epochs": 3,
        "val_interval": 1,
        "warmup_epochs": 1,
        "recognizer_pretrain_epochs": 1,
        "device": "$torch.device('cpu')",
    }
    files = str([str(CONFIGS / "train.json"), str(CONFIGS / "multi_gpu_train.json")])
    arguments = [f"--{name}={value}" for name, value in (defaults | switches).items()]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "monai.bundle",
         "run", f"--config_file={files}", *arguments],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip


def test_two_processes_train_write_once_and_resume(camus, tmp_path):
    done = torchrun(camus, tmp_path)
    assert done.returncode == 0, done.stderr[-9000:]
    assert done.stdout.count("validation, best epoch") == 1
    # 4 frames, 2 processes, batches of 2: one update an epoch, two of them with the recognizer, written by one process
    rows = list(csv.DictReader((tmp_path / "gate.csv").open(newline="")))
    assert [row["iteration"] for row in rows] == ["2", "3"]
    names = {path.name for path in tmp_path.iterdir()}
    assert {"model.pt", "recognizer_segmentation.pt", "before_after_clean.png"} <= names
    assert {"checkpoint_iteration=2.pt", "checkpoint_iteration=3.pt"} <= names

    (tmp_path / "checkpoint_iteration=3.pt").unlink()
    before = torch.load(tmp_path / "model.pt", weights_only=True)
    again = torchrun(camus, tmp_path, resume="true")
    assert again.returncode == 0, again.stderr[-3000:]
    assert rows == list(csv.DictReader((tmp_path / "gate.csv").open(newline="")))
    after = torch.load(tmp_path / "model.pt", weights_only=True)
    assert all(torch.equal(before[name], after[name]) for name in before)
