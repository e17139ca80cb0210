# SPDX-License-Identifier: Apache-2.0
"""Validation dealt out to processes measures what one process measures, every image once."""

from __future__ import annotations

import csv

import pytest
import torch
from monai.data import DataLoader
from processes import in_processes
from torch import nn

from monai_gradprom.engines import AuxiliaryTask, EnhancementEvaluator
from monai_gradprom.handlers import BestModelSaver, MetricReport, image_metrics, recognition_metrics

CLASSES = {"segmentation": 3, "diagnosis": 3}


class WholeImage(nn.Module):
    """Logits of an image from its mean, with running statistics."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.scale = nn.Parameter(torch.tensor([[0.0, 4.0, -4.0]]))

    def forward(self, image):
        return self.norm(self.scale * (image.mean(dim=(1, 2, 3))[:, None] - 0.5))


def _items(count):
    generator = torch.Generator().manual_seed(2)
    sizes = [(12 + i % 3, 14) for i in range(count)]  # of different sizes, so that pooling is no mean of means
    clean = [torch.rand(1, *size, generator=generator) for size in sizes]
    return [
        {
            "id": f"image-{i}",
            "image": (c + 0.2 * torch.randn(c.shape, generator=generator)).clamp(0, 1),
            "label": c,
            "segmentation": (c > 0.4).byte() + (c > 0.7).byte(),
            "diagnosis": torch.tensor(i % 3),
        }
        for i, c in enumerate(clean)
    ]


def _evaluate(rank, world, folder, count):
    torch.manual_seed(0)
    enhancer, pixels, whole = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 3, 3, padding=1), WholeImage()
    whole.norm.running_mean[1] += 5 * rank  # as each process's own part of the data would leave it
    items = _items(count)
    loader = DataLoader(items, sampler=range(rank, len(items), world), batch_size=1)
    tasks = [AuxiliaryTask(n, net, None, None) for n, net in (("segmentation", pixels), ("diagnosis", whole))]
    key, *others = {**image_metrics(), **recognition_metrics(tasks, CLASSES)}.items()
    evaluator = EnhancementEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader,
        network=enhancer,
        tasks=tasks,
        key_val_metric=dict([key]),
        additional_metrics=dict(others),
        val_handlers=[MetricReport(folder), *([BestModelSaver({"model.pt": enhancer}, folder)] if rank == 0 else [])],
    )
    for epoch in (1, 2):
        evaluator.run(global_epoch=epoch)
    state = evaluator.state
    return {"metrics": dict(state.metrics), "best": (state.best_metric, state.best_metric_epoch, state.epoch)}


@pytest.mark.parametrize(("world", "count"), [(2, 5), (3, 2), (2, 1)])
def test_metrics_are_pooled_and_no_image_counts_twice(tmp_path, world, count):
    """5 images for 2 processes; 2 for 3 and 1 for 2, where a process has none and hangs nobody."""
    one = _evaluate(0, 1, tmp_path / "one", count)
    several = in_processes(_evaluate, tmp_path / "several", count, world=world)
    for found in several:
        assert found["metrics"] == pytest.approx(one["metrics"], rel=1e-9, nan_ok=True)
        assert found["metrics"].keys() >= {"psnr", "ssim_input", "miou", "accuracy_clean", "auc"}
        assert found["best"] == pytest.approx(one["best"])
    tables = [
        sorted(csv.DictReader((tmp_path / name / "metrics_per_image.csv").open(newline="")), key=lambda row: row["id"])
        for name in ("one", "several")
    ]
    assert [row["id"] for row in tables[0]] == [f"image-{i}" for i in range(count)]
    assert tables[0] == tables[1]
    summaries = [(tmp_path / name / "metrics_summary.csv").read_text() for name in ("one", "several")]
    assert summaries[0] == summaries[1]
    assert (tmp_path / "several" / "model.pt").is_file()


def test_every_process_evaluates_with_the_first_ones_statistics(tmp_path):
    """The running mean differs by rank above; the classes of all images must be those of the first."""
    one, several = _evaluate(0, 1, tmp_path, 5), in_processes(_evaluate, tmp_path, 5)
    names = [name for name in one["metrics"] if name.startswith(("accuracy", "auc"))]
    assert all(several[1]["metrics"][name] == pytest.approx(one["metrics"][name], nan_ok=True) for name in names)
