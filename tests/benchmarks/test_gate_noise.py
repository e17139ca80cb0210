# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from miniatures import WRITERS
from monai.bundle import ConfigParser
from tiny_bundles import tiny_recognizer

from monai_gradprom.strategies import GradProm

SCRIPT_NAME = "gate_noise"
BUNDLE = Path(__file__).parents[2] / "bundles" / "camus_denoise"


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")[1:-1]]


def test_the_series_holds_both_gradients_and_moves_nothing(script: ModuleType) -> None:
    """L_IP = 2a + b, L_VR = φ(a - b), at a = 1, b = 3, φ = 5."""
    series, reports = script.Series(), []
    for strategy in (series, GradProm()):
        theta = [torch.tensor([1.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)]
        phi = torch.tensor([5.0], requires_grad=True)
        output = torch.cat(theta)
        main, task = (output * torch.tensor([2.0, 1.0])).sum(), (phi * (output[0] - output[1])).sum()
        reports.append(strategy.backward(output, main, {"t": task}, theta, {"t": [phi]}, {"t": 0.1}))
        if strategy is series:
            assert [parameter.grad.item() for parameter in (*theta, phi)] == [0.0, 0.0, 0.0]
    assert reports[0] == reports[1]
    assert series.main[0].tolist() == [2.0, 1.0] and series.tasks["t"][0].tolist() == [5.0, -5.0]
    assert series.setting()["name"] == "Series"


def test_rows_of_gradients_made_by_hand(script: ModuleType) -> None:
    """Four mini-batches in the plane; the mean of G_VR, (0, 1), agrees with that of G_IP, (0, 2)."""
    main = np.array([[0.0, 2.0]] * 4)
    task = np.array([[0.0, 3.0], [0.0, -1.0], [0.0, 3.0], [0.0, -1.0]])
    (row,) = script.rows(main, task, batch=5)
    assert cells(row) == ["5", "+0.000 ± 1.155", "50 %", "50 %"]  # cosines 1, -1, 1, -1: sqrt(4 / 3)
    _, double = script.rows(np.tile(main, (2, 1)), np.tile(task, (2, 1)), batch=5)
    assert cells(double) == ["10", "+1.000 ± 0.000", "100 %", "100 %"]
    (opposed,) = script.rows(-main, task, batch=5)
    assert cells(opposed)[2:] == ["50 %", "50 %"]  # all together it is closed


def test_the_share_of_the_signal_is_without_bias(script: ModuleType) -> None:
    """A mean of squared norm 4 in noise of squared norm 36, many short series: on average a tenth, and 0 without."""
    rng = np.random.default_rng(0)
    mean = np.zeros(36)
    mean[0] = 2.0
    for share, centre in ((0.1, mean), (0.0, 0 * mean)):
        found = [script.signal(centre + rng.standard_normal((8, 36))) for _ in range(2000)]
        assert np.mean(found) == pytest.approx(share, abs=4 * np.std(found) / np.sqrt(len(found)))


def test_a_run_is_differentiated_where_it_ended(script: ModuleType, tmp_path: Path, capsys) -> None:
    run = tmp_path / "run"
    run.mkdir()
    switches = {
        "config_file": str(BUNDLE / "configs" / "train.json"),
        "dataset_dir": str(WRITERS["camus_denoise"](tmp_path / "camus")),
        **{"image_size": 32, "batch_size": 1, "strategy": "joint", "network_def#channels": 4, "warmup_epochs": 1},
        **{"network_def#num_blocks": 1, "recognizer_defs#segmentation": tiny_recognizer()},
    }
    (run / "train.args.json").write_text(json.dumps(switches))
    parser = ConfigParser()
    parser.read_config(switches["config_file"])
    parser.update({**switches, "bundle_root": str(BUNDLE)})
    torch.manual_seed(0)
    network = parser.get_parsed_content("network")
    torch.nn.init.normal_(network.tail.conv.weight, std=0.1)
    torch.save(network.state_dict(), run / "model.pt")
    (task,) = parser.get_parsed_content("tasks")
    torch.save(task.network.state_dict(), run / "recognizer_segmentation.pt")

    assert script.main([str(run), "--passes", "2"]) == 0

    printed = capsys.readouterr().out
    batches = 2 * len(parser.get_parsed_content("train#dataset"))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert f"run, segmentation: {batches} mini-batches of 1 images, {parameters:,} parameters" in printed
    assert "All together: cosine" in printed and "nan" not in printed
    series, _ = script.series_of(run, 2)
    # same batches, same weights: to the bit; other weights, other gradients
    again, _ = script.series_of(run, 2)
    assert torch.equal(torch.stack(series.main), torch.stack(again.main))
    torch.nn.init.normal_(network.tail.conv.weight, std=0.1)
    torch.save(network.state_dict(), run / "model.pt")
    other, _ = script.series_of(run, 2)
    assert not torch.equal(torch.stack(series.main), torch.stack(other.main))
    (before,) = other.tasks.values()
    task.network.get_submodule("model.0.conv").weight.data.mul_(2)
    torch.save(task.network.state_dict(), run / "recognizer_segmentation.pt")
    (after,) = script.series_of(run, 2)[0].tasks.values()
    assert not torch.equal(torch.stack(before), torch.stack(after))
