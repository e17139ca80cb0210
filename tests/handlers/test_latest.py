# SPDX-License-Identifier: Apache-2.0
"""The key metric of training whose success nothing measures."""

from __future__ import annotations

import torch
from monai.engines import SupervisedEvaluator

from monai_gradprom.handlers import BestModelSaver, LatestEpoch


def test_each_epoch_is_the_best_so_far_and_its_weights_are_kept(tmp_path):
    network = torch.nn.Conv2d(1, 1, 1)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=[{"image": torch.zeros(1, 1, 2, 2), "label": torch.zeros(1, 1, 2, 2)}],
        network=network,
        key_val_metric={"latest": LatestEpoch()},
        val_handlers=[BestModelSaver({"model.pt": network}, tmp_path)],
    )
    for epoch in (1, 2, 5):
        torch.nn.init.constant_(network.bias, epoch)
        evaluator.run(global_epoch=epoch)
        assert evaluator.state.metrics["latest"] == evaluator.state.best_metric == epoch
        assert torch.load(tmp_path / "model.pt", weights_only=True)["bias"] == epoch
