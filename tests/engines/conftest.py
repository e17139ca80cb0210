# SPDX-License-Identifier: Apache-2.0
"""A tiny recipe: random blobs, a convolution with dropout, a recognizer with batch normalisation."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose, RandFlipd, RandGaussianNoised
from torch import nn

from monai_gradprom.datasets import EpochSampler, ReplayableDataset
from monai_gradprom.engines import AuxiliaryTask, GradPromTrainer
from monai_gradprom.losses import ConsistencyLoss


def enhancer(dropout=0.0):
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.PReLU(), nn.Dropout(dropout), nn.Conv2d(4, 1, 3, padding=1))


class Recognizer(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))

    def forward(self, x):
        return self.body(x)


def pixel_cross_entropy(logits, mask):
    return nn.functional.cross_entropy(logits, mask[:, 0].long())


def items(count=10, size=8):
    generator = torch.Generator().manual_seed(1)
    clean = torch.rand(count, 1, size, size, generator=generator)
    return [
        {"id": str(i), "image": c, "label": c.clone(), "segmentation": (c > 0.5).to(torch.uint8)}
        for i, c in enumerate(clean)
    ]


@pytest.fixture
def recipe():
    def build(
        strategy="gradprom",
        supervised=True,
        trained=True,
        weight=0.5,
        dropout=0.0,
        batch_size=4,
        num_workers=0,
        handlers=(),
        random=True,
        optimizer=torch.optim.Adam,
        tasks=1,
        **trainer_arguments,
    ):
        torch.manual_seed(7)
        network, recognizer = enhancer(dropout), Recognizer()
        keys = ["image", "label", "segmentation"]
        transform = Compose(
            [RandFlipd(keys, prob=0.5), RandGaussianNoised("image", prob=1.0, std=0.2)] if random else []
        )
        dataset = ReplayableDataset(items(), transform, seed=5, progress=False)
        loader = DataLoader(
            dataset,
            sampler=EpochSampler(dataset, seed=5),
            batch_size=batch_size,
            num_workers=num_workers,
            generator=torch.Generator().manual_seed(5),
        )
        task = AuxiliaryTask(
            "segmentation",
            recognizer,
            pixel_cross_entropy if supervised else ConsistencyLoss(),
            optimizer(recognizer.parameters(), lr=0.01),
            target_key="segmentation" if supervised else None,
            weight=weight,
            trained=trained,
        )
        options = dict(device=torch.device("cpu"), max_epochs=3, loss_function=nn.MSELoss()) | trainer_arguments
        trainer = GradPromTrainer(
            train_data_loader=loader,
            network=network,
            optimizer=optimizer(network.parameters(), lr=0.01),
            tasks=[task][:tasks],
            strategy=strategy,
            train_handlers=list(handlers),
            **options,
        )
        return SimpleNamespace(trainer=trainer, network=network, recognizer=recognizer, task=task, loader=loader)

    return build


@pytest.fixture
def vector():
    def flatten(module):
        return torch.cat([t.detach().double().flatten() for t in module.state_dict().values()])

    return flatten
