# SPDX-License-Identifier: Apache-2.0
"""Real recognizers (built once), and a way to see that nobody has touched a network."""

from __future__ import annotations

import pytest
import torch

from monai_gradprom.figures.cases import make_case
from monai_gradprom.networks import DiagnosisRecognizer, SegmentationRecognizer


@pytest.fixture(scope="session")
def diagnosis():
    torch.manual_seed(1)
    return DiagnosisRecognizer(num_classes=3, in_channels=1)


@pytest.fixture(scope="session")
def segmentation():
    torch.manual_seed(2)
    return SegmentationRecognizer(num_classes=3, in_channels=1)


@pytest.fixture
def snapshot():
    """Everything about networks that a figure could spoil: values, gradients, modes, hooks, modules."""

    def take(*networks):
        return [
            (
                {name: tensor.clone() for name, tensor in network.state_dict().items()},
                [(parameter.grad, parameter.requires_grad) for parameter in network.parameters()],
                [
                    (
                        name,
                        type(module),
                        module.training,
                        len(module._forward_hooks),
                        len(module._forward_pre_hooks),
                        len(module._backward_hooks),
                        getattr(module, "inplace", None),
                    )
                    for name, module in network.named_modules()
                ],
            )
            for network in networks
        ]

    def unchanged(before, *networks):
        for (values, gradients, modules), (new, new_gradients, new_modules) in zip(
            before, take(*networks), strict=True
        ):
            assert all(torch.equal(values[name], new[name]) for name in values)
            assert gradients == new_gradients
            assert modules == new_modules

    take.unchanged = unchanged
    return take


@pytest.fixture
def case():
    """A case of random images [channels, *size]; in super-resolution the input is smaller."""

    def build(size=(48, 40), channels=1, scale=1, seed=0, **item):
        generator = torch.Generator().manual_seed(seed)
        label, pred = (torch.rand(channels, *size, generator=generator) for _ in range(2))
        image = torch.rand(channels, *(side // scale for side in size), generator=generator)
        return make_case("some/id", {"image": image, "pred": pred, "label": label, **item})

    return build
