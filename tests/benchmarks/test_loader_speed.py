# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from types import ModuleType

import pytest
import torch
from monai.transforms import Compose, Lambdad, MapTransform, RandFlipd
from torch import nn

from monai_gradprom.datasets import CacheBoundary, EpochIndex, ReplayableDataset
from monai_gradprom.engines import GradPromTrainer
from monai_gradprom.transforms import get_batch_degradation
from monai_gradprom.transforms.batch_degradation import DRAWN

SCRIPT_NAME = "loader_speed"


class Busy(MapTransform):
    """Takes 8 ms of CPU time."""

    def __call__(self, item):
        end = time.process_time() + 8e-3
        while time.process_time() < end:
            pass
        return dict(item)


class Slow(list):
    """A loader that takes 30 ms to give a batch."""

    def __iter__(self):
        for batch in super().__iter__():
            time.sleep(0.03)
            yield batch


def dataset() -> ReplayableDataset:
    parts = [CacheBoundary(), Compose([RandFlipd("image", prob=0.5, spatial_axis=0), Busy("image")])]
    transform = Compose([Lambdad("image", torch.clone), *parts])
    return ReplayableDataset([{"image": torch.rand(1, 6, 5)} for _ in range(4)], transform, progress=False)


def trainer(**more) -> GradPromTrainer:
    network = nn.Conv2d(1, 1, 3, padding=1)
    return GradPromTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=[],
        epoch_length=4,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.0),
        loss_function=nn.MSELoss(),
        strategy="enhancer_only",
        **more,
    )


def batch() -> dict[str, torch.Tensor]:
    return {"image": torch.rand(2, 1, 8, 8), "label": torch.rand(2, 1, 8, 8)}


def test_each_transform_s_time_is_its_own_and_the_data_stay(script: ModuleType) -> None:
    data, watched = dataset(), dataset()
    watched.data, watched._cache = data.data, data._cache
    spent = script.profile(watched)
    assert set(spent) == {
        script.TOTAL,
        "CacheBoundary",
        "RandFlipd",
        "Busy",
        "copy from the cache, seeds, MONAI's Compose",
    }
    assert 8e-3 <= spent["Busy"] < 16e-3 and spent["RandFlipd"] < 6e-3
    assert sum(spent.values()) == pytest.approx(2 * spent[script.TOTAL])
    for key in (EpochIndex(epoch, item) for epoch in range(3) for item in range(4)):
        assert torch.equal(data[key]["image"], watched[key]["image"])


def test_waiting_is_what_the_loader_takes(script: ModuleType) -> None:
    found = trainer()
    one = batch()
    script.epoch(found, script.Resident(one, 4))
    seconds, share = script.epoch(found, Slow([one] * 4))
    assert share * seconds >= 0.03
    seconds, share = script.epoch(found, script.Resident(one, 4))
    assert share * seconds < 0.02
    assert found.state.iteration == 12 and found.state.epoch == 3


def test_the_resident_batch_is_degraded_once(script: ModuleType) -> None:
    degradation = get_batch_degradation("gaussian")
    found = trainer(batch_transform=degradation)
    given = batch() | {DRAWN: {"sigma": torch.full((2,), 0.1, dtype=torch.float64), "seed": torch.tensor([1, 2])}}
    stays = script.resident(found, given, 3)
    assert len(stays) == len(list(stays)) == 3
    assert torch.equal(stays.batch["image"], degradation(given)["image"])
    assert not torch.equal(stays.batch["image"], given["image"])
    assert torch.equal(degradation(stays.batch)["image"], stays.batch["image"])


@pytest.mark.slow
def test_a_bundle(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [
        "--bundles",
        "isic2018_perceptual",
        "--images",
        "8",
        "--image_size",
        "32",
        "--epochs",
        "1",
        "--batch_size",
        "4",
    ]
    assert script.main([*flags, "--degrade_on", "device"]) == 0
    printed = capsys.readouterr().out
    cells = next(line for line in printed.splitlines() if line.startswith("| isic2018_perceptual")).split("|")[2:-1]
    images, shape, resident, loader, ratio, waiting, sample = (cell.strip() for cell in cells)
    assert int(images) == 7  # one of the eight has no label
    assert shape == "4x3x32x32"
    assert float(loader) == pytest.approx(float(resident) * float(ratio), rel=0.05)
    assert 0 <= int(waiting.removesuffix(" %")) < 100 and 0.1 < float(sample) < 500
    assert "ScaleAugmentation" in printed and "DrawDegradationd" in printed
