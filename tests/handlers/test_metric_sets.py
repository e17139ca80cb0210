# SPDX-License-Identifier: Apache-2.0
"""The metrics of a whole evaluation, by name, against counting."""

from __future__ import annotations

import csv
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu
from torch import nn
from torch.nn import functional as F

from monai_gradprom.engines import AuxiliaryTask, EnhancementEvaluator
from monai_gradprom.errors import InputError
from monai_gradprom.handlers import MetricReport, ScoredImagesMetric, image_metrics, recognition_metrics
from monai_gradprom.metrics import psnr, ssim

VIEWS = {"_input": "image", "": "pred", "_clean": "label"}


class Enhance(nn.Module):
    """A blur, which changes every decision a little."""

    def forward(self, x):
        return F.avg_pool2d(x, 3, stride=1, padding=1)


class Diagnose(nn.Module):
    """Three classes by three corners of the image."""

    def forward(self, x):
        return 3 * torch.stack([x[:, 0, 0, 0], x[:, 0, -1, -1], x[:, 0, 0, -1]], dim=1)


class Segment(nn.Module):
    def forward(self, x):
        return torch.cat([torch.full_like(x, 0.45), x], dim=1)


TASKS = [
    AuxiliaryTask("diagnosis", Diagnose(), None, None, target_key="diagnosis"),
    AuxiliaryTask("segmentation", Segment(), None, None),
]
CLASSES = {"diagnosis": 3, "segmentation": 2}


def items(count=24, drop=()):
    generator = torch.Generator().manual_seed(3)
    found = []
    for index in range(count):
        label = torch.rand(1, 1, 14, 13, generator=generator)
        image = (label + 0.3 * torch.randn(label.shape, generator=generator)).clamp(0, 1)
        item = {"id": [f"p{index}"], "image": image, "label": label, "sector": (label > 0.3).float()}
        item["diagnosis"] = torch.tensor([int(torch.rand(3, generator=generator).argmax())])
        item["segmentation"] = (label > 0.5).long()
        found.append({key: value for key, value in item.items() if key not in drop})
    return found


def evaluate(batches, tasks=TASKS, handlers=(), network=None):
    evaluator = EnhancementEvaluator(
        device=torch.device("cpu"),
        val_data_loader=batches,
        network=network or Enhance(),
        tasks=tasks,
        key_val_metric=image_metrics(),
        additional_metrics=image_metrics("sector") | recognition_metrics(tasks, CLASSES),
        val_handlers=list(handlers),
    )
    evaluator.run()
    return evaluator.state


def views(item):
    return {"image": item["image"], "pred": Enhance()(item["image"]), "label": item["label"]}


def test_image_metrics_measure_what_their_names_say():
    batches = items()
    state = evaluate(batches, tasks=[])
    assert state.key_metric_name == "psnr"
    expected = {}
    for name, function in (("psnr", psnr), ("ssim", ssim)):
        for suffix, view in (("", "pred"), ("_input", "image")):
            for region, masks in (("", []), ("_sector", ["sector"])):
                values = [function(views(b)[view], b["label"], *(b[key] for key in masks)).item() for b in batches]
                expected[f"{name}{region}{suffix}"] = np.mean(values)
    assert set(state.metrics) == set(expected)
    for name, value in expected.items():
        assert state.metrics[name] == pytest.approx(value, rel=1e-9), name
    assert len({round(value, 4) for value in expected.values()}) == 8


def test_super_resolution_is_measured_against_its_baseline():
    class Twice(nn.Module):
        def forward(self, x):
            return F.interpolate(x, scale_factor=2.0)

    label = torch.rand(1, 1, 24, 28)
    image = F.avg_pool2d(label, 2)
    state = evaluate([{"image": image, "label": label}], tasks=[], network=Twice())
    bicubic = F.interpolate(image, scale_factor=2.0, mode="bicubic").clamp(0, 1)
    assert state.metrics["psnr_input"] == pytest.approx(psnr(bicubic, label).item(), rel=1e-6)
    assert state.metrics["psnr"] == pytest.approx(psnr(Twice()(image), label).item(), rel=1e-6)


def iou(one, other):
    return ((one & other).sum() / (one | other).sum()).item()


def by_hand(batches):
    """Accuracies, AUC, IoUs and area differences of the images that have the target."""
    expected = {}
    for ending, view in VIEWS.items():
        scored = [b for b in batches if "diagnosis" in b]
        true = np.array([b["diagnosis"].item() for b in scored])
        logits = torch.cat([Diagnose()(views(b)[view]) for b in scored])
        hits = logits.argmax(1).numpy() == true
        score = logits.double().softmax(1).numpy()
        present = sorted(set(true))
        expected["accuracy" + ending] = hits.mean()
        expected["balanced_accuracy" + ending] = np.mean([hits[true == c].mean() for c in present])
        areas = [mannwhitneyu(score[true == c, c], score[true != c, c]).statistic for c in present]
        pairs = [(true == c).sum() * (true != c).sum() for c in present]
        expected["auc" + ending] = np.mean(np.array(areas) / np.array(pairs))
        masks = [(views(b)[view] > 0.45, b["segmentation"] == 1) for b in batches if "segmentation" in b]
        ious = [
            sum(((p == c) & (t == c)).sum() for p, t in masks) / sum(((p == c) | (t == c)).sum() for p, t in masks)
            for c in (True, False)
        ]
        expected["miou" + ending] = np.mean(ious)
        expected["iou" + ending] = np.mean([np.mean([iou(p == c, t == c) for c in (True, False)]) for p, t in masks])
        areas = [(p.sum() / t.sum() - 1).item() for p, t in masks]
        expected["area_difference" + ending] = np.mean(areas)
    return expected


def check(state, expected):
    found = {name: value for name, value in state.metrics.items() if not name.startswith(("psnr", "ssim"))}
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6), name


def test_recognition_metrics_measure_what_their_names_say():
    batches = items()
    expected = by_hand(batches)
    assert len({round(float(value), 4) for value in expected.values()}) > 8
    check(evaluate(batches), expected)


def test_images_without_the_target_are_passed_over(tmp_path, capsys):
    batches = items(5, drop=["diagnosis"]) + items() + items(4, drop=["segmentation", "sector"])
    state = evaluate(batches, handlers=[MetricReport(tmp_path)])
    check(state, by_hand(batches))
    with (tmp_path / "metrics_summary.csv").open() as file:
        images = {row["metric"]: row["images"] for row in csv.DictReader(file)}
    assert (images["accuracy"], images["auc"], images["miou_clean"], images["psnr"]) == ("28", "28", "29", "33")
    assert images["psnr_sector"] == "29"
    with (tmp_path / "metrics_per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 33 and sum(row["accuracy"] in ("0", "1") for row in rows) == 28
    assert np.mean([float(row["accuracy"]) for row in rows[5:]]) == pytest.approx(state.metrics["accuracy"])
    assert [index for index, row in enumerate(rows) if row["iou"] == "nan"] == [29, 30, 31, 32]


def test_a_set_without_targets_has_no_value_and_a_report(tmp_path, capsys):
    state = evaluate(items(3, drop=["diagnosis", "segmentation"]), handlers=[MetricReport(tmp_path)])
    assert all(math.isnan(state.metrics[name]) for name in recognition_metrics(TASKS, CLASSES))
    assert math.isfinite(state.metrics["psnr"])
    with (tmp_path / "metrics_summary.csv").open() as file:
        assert {row["metric"]: row["images"] for row in csv.DictReader(file)}["auc"] == "0"


def test_a_second_run_forgets_the_first():
    metrics = recognition_metrics(["segmentation"], CLASSES)
    evaluator = EnhancementEvaluator(
        device=torch.device("cpu"),
        val_data_loader=items(),
        network=Enhance(),
        tasks=TASKS[1:],
        additional_metrics=metrics,
        key_val_metric=image_metrics(),
    )
    evaluator.run()
    assert math.isfinite(evaluator.state.metrics["miou"]) and len(evaluator.state.metric_details["miou"]) == 24
    evaluator.data_loader = items(drop=["segmentation"])
    evaluator.run()
    assert math.isnan(evaluator.state.metrics["miou"]) and len(evaluator.state.metric_details["miou"]) == 0


def test_only_given_tasks_by_object_or_name():
    assert recognition_metrics([], {}) == {}
    assert set(recognition_metrics(TASKS[1:], CLASSES)) == {
        name + ending for name in ("miou", "iou", "area_difference") for ending in VIEWS
    }
    assert isinstance(recognition_metrics(["segmentation"], CLASSES)["miou"], ScoredImagesMetric)
    assert len(recognition_metrics(["diagnosis", SimpleNamespace(name="segmentation")], CLASSES)) == 18


def test_other_tasks_are_refused():
    with pytest.raises(InputError, match="did you mean 'segmentation'"):
        recognition_metrics(["segmentations"], CLASSES)
    with pytest.raises(InputError, match=r"\['segmentation'\] but not the task 'diagnosis'"):
        recognition_metrics(["diagnosis"], {"segmentation": 2})


@pytest.mark.parametrize("region", [None, "lit"])
def test_delta_e_joins_the_image_metrics_on_request(region):
    suffix = "" if region is None else "_lit"
    plain, colour = image_metrics(region), image_metrics(region, color=True)
    assert (
        set(colour) - set(plain) == {f"delta_e{suffix}", f"delta_e{suffix}_input"}
        and next(iter(colour)) == "psnr" + suffix
    )
    pred, label = torch.full((1, 8, 8), 0.5), torch.full((1, 8, 8), 0.5)
    pred[:, :, 4:] = 1.0
    lit = (torch.arange(8) < 4).expand(1, 8, 8).float()
    metric = colour[f"delta_e{suffix}"]
    metric.update([{"pred": pred, "label": label, "lit": lit}])
    assert (metric.compute() > 10) is (region is None)  # only the unlit half is another grey
