# SPDX-License-Identifier: Apache-2.0
"""A small grid on the sample data in real processes, killed on its way, and its report."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).parents[2]
BUNDLE = REPOSITORY / "bundles" / "covidct_denoise"
GRID = (
    "--strategy enhancer_only gradprom --noise_sigma 0.1 --seed 0 --device cpu --image_size 32 --batch_size 8 "
    "--max_epochs 2 --warmup_epochs 1 --recognizer_pretrain_epochs 1 --resize 64 --figure_images 1 "
    "--network_def#channels 4 --network_def#num_blocks 1"
)


def command(*words):
    return [sys.executable, "-m", "monai_gradprom.cli", *map(str, words)]


@pytest.mark.slow
def test_a_killed_grid_ends_as_one_that_was_not(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}

    def grid(name):
        return command("compare", "--bundle", BUNDLE, "--output", tmp_path / name, *GRID.split())

    first = subprocess.Popen(grid("killed"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 300
    while not list((tmp_path / "killed").glob("gradprom*/train.log")):  # the warm-up and one run are done
        assert time.monotonic() < end and first.poll() is None
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    again = subprocess.run(grid("killed"), env=environment, capture_output=True, text=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 were finished before" in again.stdout
    whole = subprocess.run(grid("whole"), env=environment, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    for run in (tmp_path / "whole").glob("*_*/model.pt"):
        other = tmp_path / "killed" / run.parent.name
        weights, others = (torch.load(path, weights_only=True) for path in (run, other / "model.pt"))
        assert all(torch.equal(weights[name], others[name]) for name in weights)
        metrics = (run.parent / "evaluation" / "metrics_per_image.csv").read_text()
        assert metrics == (other / "evaluation" / "metrics_per_image.csv").read_text()
        assert (run.parent / "evaluation" / "figures" / "panels.png").is_file()
        assert (run.parent / "evaluation" / "figures" / "cam_diagnosis.png").is_file()
    done = subprocess.run(command("report", tmp_path / "killed"), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "killed/report/tables/table6.csv").open(newline="") as file:
        ours = [row for row in csv.DictReader(file) if row["from"].startswith("ours")]
    assert [row["method"] for row in ours] == ["SR-ResNet, VGG-22", "Ours(VR_dia), ResNet-18"]
    assert all(float(row["σ=0.1 PSNR"]) > 10 for row in ours)
