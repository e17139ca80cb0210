# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import math
import statistics

import pytest
import torch
from ignite.engine import Engine, Events

from monai_gradprom.handlers import MetricReport, quality_table

PSNR = [30.5, 28.25, math.nan, 33.0]
SNR = [1.5, math.inf, 2.5, math.nan]
IDS = ["patient0001/a", "patient0001/b", "patient0002/a", "patient0002/b"]


def report(folder, capsys, ids=IDS):
    engine = Engine(lambda engine, batch: None)
    finite = [v for v in PSNR if math.isfinite(v)]

    @engine.on(Events.STARTED)
    def details():
        engine.state.metric_details = {
            "psnr": torch.tensor(PSNR, dtype=torch.float64),
            "psnr_input": torch.tensor([[20.0], [20.0], [21.0], [21.0]]),
            "miou": torch.ones(4, 2, 2),  # confusion counts, not a value per image
        }
        engine.state.metrics = {"psnr": statistics.mean(finite), "psnr_input": 20.5, "miou": 0.75}

    MetricReport(folder, title="what was measured").attach(engine)
    engine.run([[{"id": name} for name in ids[:3]], [{"id": name} for name in ids[3:]]])
    return engine, capsys.readouterr().out


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_per_image_csv(tmp_path, capsys):
    report(tmp_path / "new", capsys)
    found = read(tmp_path / "new" / "metrics_per_image.csv")
    assert list(found[0]) == ["id", "psnr", "psnr_input"]
    assert [row["id"] for row in found] == IDS
    assert [row["psnr"] for row in found] == ["30.5", "28.25", "nan", "33"]
    assert [row["psnr_input"] for row in found] == ["20", "20", "21", "21"]


def test_summary_csv(tmp_path, capsys):
    report(tmp_path, capsys)
    found = {row["metric"]: row for row in read(tmp_path / "metrics_summary.csv")}
    finite = [v for v in PSNR if math.isfinite(v)]
    assert float(found["psnr"]["mean"]) == pytest.approx(statistics.mean(finite), rel=1e-5)
    assert float(found["psnr"]["std"]) == pytest.approx(statistics.stdev(finite), rel=1e-5)
    assert found["psnr"]["images"] == "3"
    assert float(found["psnr_input"]["std"]) == pytest.approx(statistics.stdev([20, 20, 21, 21]), rel=1e-5)
    assert found["miou"] == {"metric": "miou", "mean": "0.75", "std": "nan", "images": "4"}


def test_printed_table(tmp_path, capsys):
    _, text = report(tmp_path, capsys)
    lines = text.strip().splitlines()
    finite = [v for v in PSNR if math.isfinite(v)]
    assert lines[0] == "what was measured (4 images)"
    assert lines[1].split() == ["before", "→", "enhanced"]
    after = f"{statistics.mean(finite):.3f} ± {statistics.stdev(finite):.3f}"
    assert lines[2].split("→")[0].split() == ["PSNR", "[dB]", "20.500", "±", "0.577"]
    assert lines[2].split("→")[1].strip() == after
    assert lines[3].split() == ["mIoU", "→", "0.750"]
    assert str(tmp_path / "metrics_per_image.csv") in lines[-1]


def test_a_second_evaluation_does_not_add_to_the_first(tmp_path, capsys):
    engine, _ = report(tmp_path, capsys)
    engine.run([[{"id": name} for name in IDS]])
    assert [row["id"] for row in read(tmp_path / "metrics_per_image.csv")] == IDS


def test_table_has_a_column_for_clean_images_only_where_needed():
    plain = quality_table({"psnr_input": 20.0, "psnr": 30.0, "ssim": 0.5})
    assert "clean" not in plain
    assert [line.split() for line in plain.splitlines()] == [
        ["before", "→", "enhanced"],
        ["PSNR", "[dB]", "20.000", "→", "30.000"],
        ["SSIM", "→", "0.500"],
    ]
    clean = quality_table({"miou_input": 0.25, "miou": 0.5, "miou_clean": 0.75, "unknown": 1.0})
    assert [line.split() for line in clean.splitlines()] == [
        ["before", "→", "enhanced", "clean"],
        ["mIoU", "0.250", "→", "0.500", "0.750"],
    ]
    nothing = quality_table({"psnr": 30.0, "ssim_input": 0.1, "ssim": math.nan, "cnr_input": math.nan, "cnr": math.nan})
    assert [line.split()[0] for line in nothing.splitlines()[1:]] == ["PSNR", "SSIM"]  # no masks, no contrast
    # columns stand below each other
    arrow, last = {line.index("→") for line in clean.splitlines()}, {len(line) for line in clean.splitlines()}
    assert len(arrow) == 1 and len(last) == 1


def test_super_resolution_says_what_before_means(tmp_path, capsys):
    large, small = torch.zeros(1, 4, 4), torch.zeros(1, 2, 2)
    engine = Engine(lambda engine, batch: batch)
    MetricReport(tmp_path).attach(engine)
    engine.state.metric_details = {}
    engine.run([[{"image": small, "baseline": large}]])
    assert capsys.readouterr().out.strip().startswith('evaluation (1 images; "before" is the bicubic enlargement)\n')
    engine.run([[{"image": large, "baseline": large}]])
    assert capsys.readouterr().out.strip().startswith("evaluation (1 images)\n")


def test_diagnosis_has_its_rows():
    names = ("accuracy", "balanced_accuracy", "auc")
    metrics = {name + ending: 0.5 for name in names for ending in ("_input", "", "_clean")}
    rows = [line.split() for line in quality_table(metrics).splitlines()[1:]]
    assert [row[:-4] for row in rows] == [["accuracy"], ["balanced", "accuracy"], ["AUC"]]
    assert all(row[-4:] == ["0.500", "→", "0.500", "0.500"] for row in rows)


def test_counts_of_few_images_are_no_values_per_image(tmp_path, capsys):
    """One scored image of four with a 2 x 2 confusion has as many numbers as there are images."""
    engine = Engine(lambda engine, batch: None)
    MetricReport(tmp_path).attach(engine)
    engine.add_event_handler(Events.STARTED, lambda: setattr(engine.state, "metrics", {"miou": 0.5}))
    engine.add_event_handler(
        Events.STARTED, lambda: setattr(engine.state, "metric_details", {"miou": torch.ones(1, 2, 2)})
    )
    engine.run([[{"id": name} for name in IDS]])
    assert list(read(tmp_path / "metrics_per_image.csv")[0]) == ["id"]
    assert read(tmp_path / "metrics_summary.csv")[0] == {"metric": "miou", "mean": "0.5", "std": "nan", "images": "1"}
