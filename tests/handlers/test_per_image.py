# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.engines import SupervisedEvaluator
from monai.handlers import MeanSquaredError, from_engine

from monai_gradprom.handlers import PerImageMetric
from monai_gradprom.metrics import psnr


def evaluate(metric, items, batch_size=2, network=None):
    loader = [
        {key: torch.stack([item[key] for item in items[i : i + batch_size]]) for key in items[0]}
        for i in range(0, len(items), batch_size)
    ]
    engine = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader,
        network=network or torch.nn.Identity(),
        key_val_metric={"quality": metric},
        additional_metrics={"mse": MeanSquaredError(output_transform=from_engine(["pred", "label"]))},
    )
    engine.run()
    return engine.state


@pytest.fixture
def items():
    generator = torch.Generator().manual_seed(0)

    def image():
        return torch.rand(1, 6, 5, generator=generator)

    return [{"image": image(), "label": image(), "mask": (image() > 0.4).float()} for _ in range(5)]


def test_mean_and_values_equal_numpy(items):
    state = evaluate(PerImageMetric(psnr, ["pred", "label", "mask"]), items)
    by_hand = []
    for item in items:
        error, inside = (item["image"].double() - item["label"].double()).numpy() ** 2, item["mask"].numpy() > 0
        by_hand.append(10 * np.log10(1 / error[inside].mean()))
    assert state.metric_details["quality"].tolist() == pytest.approx(by_hand, rel=1e-9)
    assert state.metrics["quality"] == pytest.approx(np.mean(by_hand), rel=1e-9)
    # the usual metrics of MONAI stand beside it
    assert state.metrics["mse"] == pytest.approx(
        np.mean([((i["image"] - i["label"]) ** 2).mean().item() for i in items]), rel=1e-5
    )


def test_the_output_goes_before_the_batch(items):
    class Twice(torch.nn.Module):
        def forward(self, x):
            return 2 * x

    for item in items:
        item["pred"] = torch.full_like(item["image"], 77.0)  # a column of the data that happens to have that name
    state = evaluate(PerImageMetric(lambda pred, mask: pred.mean() * mask.sum(), ["pred", "mask"]), items, 2, Twice())
    by_hand = [(2 * i["image"]).mean().item() * i["mask"].sum().item() for i in items]
    assert state.metric_details["quality"].tolist() == pytest.approx(by_hand, rel=1e-5)


def test_values_that_are_not_finite_are_kept_but_not_averaged(items):
    values = iter([1.0, math.nan, math.inf, 4.0, math.nan])
    state = evaluate(PerImageMetric(lambda pred: next(values), ["pred"]), items)
    np.testing.assert_equal(state.metric_details["quality"].numpy(), [1.0, np.nan, np.inf, 4.0, np.nan])
    assert state.metrics["quality"] == 2.5


def test_a_missing_key_gives_nan(items):
    state = evaluate(PerImageMetric(psnr, ["pred", "anatomy"]), items)
    assert torch.isnan(state.metric_details["quality"]).all() and len(state.metric_details["quality"]) == 5
    assert math.isnan(state.metrics["quality"])


def test_a_second_run_starts_from_nothing(items):
    metric = PerImageMetric(psnr, ["pred", "label"])
    first = evaluate(metric, items).metric_details["quality"]
    again = evaluate(metric, items[:2]).metric_details["quality"]
    assert torch.equal(again, first[:2])
