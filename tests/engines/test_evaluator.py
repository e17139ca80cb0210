# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from ignite.engine import Events
from torch import nn

from monai_gradprom.engines import AuxiliaryTask, EnhancementEvaluator


class Threshold(nn.Module):
    """A recognizer that can be checked by eye: foreground where the image exceeds 0.5."""

    def forward(self, x):
        return torch.cat([torch.full_like(x, 0.5), x], dim=1)


class Halve(nn.Module):
    def forward(self, x):
        return x * 0.5


@pytest.fixture
def evaluate():
    def run(batch, tasks=(), **options):
        evaluator = EnhancementEvaluator(
            device=torch.device("cpu"), val_data_loader=[batch], network=Halve(), tasks=tasks, **options
        )
        outputs = []
        evaluator.add_event_handler(Events.ITERATION_COMPLETED, lambda e: outputs.extend(e.state.output))
        evaluator.run()
        return outputs

    return run


def batch():
    return {
        "image": torch.full((2, 1, 3, 3), 0.8),
        "label": torch.full((2, 1, 3, 3), 0.9),
        "segmentation": torch.ones(2, 1, 3, 3, dtype=torch.uint8),
    }


def test_recognition_of_degraded_enhanced_and_clean(evaluate):
    task = AuxiliaryTask("segmentation", Threshold(), None, None, target_key="segmentation")
    item = evaluate(batch(), [task])[0]
    assert item["segmentation_image"].unique().tolist() == [1]
    assert item["segmentation_pred"].unique().tolist() == [0]  # 0.4 < 0.5
    assert item["segmentation_label"].unique().tolist() == [1]
    assert item["segmentation_target"].shape == (1, 3, 3)
    assert torch.allclose(item["pred"], torch.tensor(0.4))


def test_the_clean_image_can_be_enhanced_too(evaluate):
    assert torch.allclose(evaluate(batch(), enhance_label=True)[0]["label_pred"], torch.tensor(0.45))
    assert "label_pred" not in evaluate(batch())[0]


def test_modes_are_restored_and_statistics_left_alone():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    recognizer = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).eval()
    task = AuxiliaryTask("t", recognizer, None, None)
    evaluator = EnhancementEvaluator(
        device=torch.device("cpu"), val_data_loader=[batch()], network=network, tasks=[task]
    )
    evaluator.run()
    assert network.training and not recognizer.training
    assert network[1].num_batches_tracked == 0


def test_the_best_metric_outlives_a_restart():
    def fresh():
        return EnhancementEvaluator(device=torch.device("cpu"), val_data_loader=[batch()], network=Halve())

    first, second = fresh(), fresh()
    first.state.best_metric, first.state.best_metric_epoch = 31.5, 7
    second.load_state_dict(first.state_dict())
    assert (second.state.best_metric, second.state.best_metric_epoch) == (31.5, 7)
