# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch

from monai_gradprom.strategies import GradProm

SCRIPT_NAME = "gate_agreement"


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")[1:-1]]


def test_rows_from_products_made_by_hand(script: ModuleType) -> None:
    """Two parameters, head and tail. The tail's product alone is wrong in the second of four updates."""
    dots = np.array([[1.0, 2.0], [-3.0, 1.0], [-1.0, -1.0], [2.0, 1.0]])
    ones = np.ones((4, 2))
    seen = np.array([-1.0, -1.0, 1.0, 1.0])
    found = {cells(row)[0]: cells(row)[1:] for row in script.rows(dots, ones, ones, ["head.w", "tail.w"], seen)}
    # exact: open, closed, closed, open
    assert found["last 1 parameters, from tail"][:3] == ["75 %", "50 %", "0 %"]
    assert found["at the output"][:3] == ["50 %", "50 %", "50 %"]
    # held over 2: open, open, closed, closed; over 4: open throughout
    assert found["held over 2 updates"][:3] == ["50 %", "50 %", "50 %"]
    assert found["held over 4 updates"][:3] == ["50 %", "100 %", "0 %"]


def test_blocks_are_the_enhancers(script: ModuleType) -> None:
    names = ["head.conv.weight", "head.conv.bias", "body.0.conv1.weight", "body.1.conv1.weight", "body_end.a", "tail.w"]
    assert script.blocks(names) == [("head", 0), ("body.0", 2), ("body.1", 3), ("body_end", 4), ("tail", 5)]


def test_the_recorder_decides_as_the_exact_gate_and_writes_down_why(script: ModuleType) -> None:
    found = {}
    for strategy in (script.Recorder(), GradProm()):
        theta = [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)]
        output = torch.cat([theta[0] * 2.0, theta[1]])
        main, task = output.sum(), (output * torch.tensor([-1.0, -1.0, 3.0])).sum()
        reports = strategy.backward(output, main, {"t": lambda task=task: task}, theta, {"t": []}, {"t": 0.5})
        found[type(strategy)] = reports["t"], [p.grad.tolist() for p in theta]
    assert found[script.Recorder] == found[GradProm]
    recorder = script.Recorder()
    for sign in (1.0, -1.0):
        theta = [torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)]
        output = torch.cat([theta[0] * 2.0, theta[1]])
        main, task = output.sum(), sign * (output * torch.tensor([-1.0, -1.0, 3.0])).sum()
        recorder.backward(output, main, {"t": task}, theta, {"t": []}, {"t": 0.5})
    dots, mains, tasks, seen = recorder.arrays()["t"]
    assert dots.tolist() == [[-8.0, 3.0], [8.0, -3.0]]
    assert mains.tolist() == [[8.0, 1.0]] * 2
    assert tasks.tolist() == [[8.0, 9.0]] * 2
    assert seen == pytest.approx(np.array([1, -1]) / np.sqrt(3 * 11))
    assert recorder.setting() == GradProm().setting()


@pytest.mark.slow
def test_a_training_run(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--bundles", "covidct_denoise", "--updates", "9", "--warmup", "1", "--pretrain", "1", "--image_size", "64"]
    assert script.main(flags) == 0
    printed = capsys.readouterr().out
    assert "covidct_denoise, diagnosis: 16 updates" in printed
    assert len([line for line in printed.splitlines() if line.startswith("| ")]) == 1 + 4 + 7 + 1
