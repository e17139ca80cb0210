# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from torch import nn

from monai_gradprom.engines import GradPromTrainer, RecognitionBatch
from monai_gradprom.errors import InputError


def test_the_degraded_image_and_its_label():
    batch = {"image": MetaTensor(torch.rand(2, 1, 4, 4)), "label": torch.zeros(2, 1, 4, 4), "diagnosis": torch.ones(2)}
    image, target = RecognitionBatch("diagnosis")(batch, "cpu", False)
    assert type(image) is torch.Tensor
    torch.testing.assert_close(image, batch["image"].as_tensor())
    torch.testing.assert_close(target, batch["diagnosis"])


def test_a_smaller_image_is_enlarged_as_in_evaluation():
    """Bicubically and clamped: a step overshoots."""
    image = torch.cat([torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)], dim=3)
    batch = {"image": image, "label": torch.zeros(1, 1, 8, 16), "diagnosis": torch.ones(1)}
    found, _ = RecognitionBatch("diagnosis")(batch, "cpu", False)
    raw = nn.functional.interpolate(image, scale_factor=2, mode="bicubic", align_corners=False)
    assert raw.max() > 1
    torch.testing.assert_close(found, raw.clamp(0, 1))


def test_a_missing_label_is_named():
    with pytest.raises(InputError, match="the data hold no 'diagnosis'"):
        RecognitionBatch("diagnosis")({"image": torch.zeros(1, 1, 2, 2)}, "cpu", False)


def test_a_trainer_learns_the_label_from_the_degraded_image():
    """The clean image says nothing about the class here, the degraded one everything."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(64, 1, 4, 4, generator=generator)
    target = (image.mean(dim=(1, 2, 3)) > 0.5).long()
    batch = {"image": image, "label": torch.zeros_like(image), "diagnosis": target}
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    trainer = GradPromTrainer(
        device="cpu",
        max_epochs=200,
        train_data_loader=[batch],
        network=network,
        optimizer=torch.optim.Adam(network.parameters(), 0.1),
        loss_function=nn.CrossEntropyLoss(),
        prepare_batch=RecognitionBatch("diagnosis"),
        strategy="enhancer_only",
    )
    trainer.run()
    assert (network(image).argmax(dim=1) == target).float().mean() > 0.85
