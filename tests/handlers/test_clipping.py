# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from torch import nn

from monai_gradprom.errors import InputError
from monai_gradprom.handlers import GradientClipping


def _engine(*gradients):
    """An engine whose networks have one parameter each, with these gradients."""
    engine = Engine(lambda engine, batch: engine.fire_event(IterationEvents.BACKWARD_COMPLETED))
    engine.register_events(*IterationEvents)
    networks = []
    for gradient in gradients:
        network = nn.Linear(2, 1, bias=False)
        network.weight.grad = torch.tensor([gradient])
        networks.append(network)
    engine.network = networks[0]
    if len(networks) > 1:  # MONAI's own trainers have one
        engine.networks = networks
    return engine


def _gradients(engine):
    return [network.weight.grad[0] for network in getattr(engine, "networks", [engine.network])]


def test_each_network_by_its_own_norm():
    engine = _engine([3.0, 4.0], [0.3, 0.4], [0.0, 100.0])
    GradientClipping(2.0).attach(engine)
    engine.run([0])
    for found, wanted in zip(_gradients(engine), ([1.2, 1.6], [0.3, 0.4], [0.0, 2.0]), strict=True):
        assert found.tolist() == pytest.approx(wanted, rel=1e-5)


def test_another_norm_and_none():
    engine = _engine([3.0, -4.0])
    GradientClipping(1.0, float("inf")).attach(engine)
    engine.run([0])
    assert _gradients(engine)[0].tolist() == pytest.approx([0.75, -1.0], rel=1e-5)
    engine = _engine([3.0, 4.0])
    GradientClipping(None).attach(engine)
    engine.run([0])
    assert _gradients(engine)[0].tolist() == [3.0, 4.0]


def test_what_is_not_finite_stays_so():
    engine = _engine([3.0, float("inf")], [float("nan"), 1.0])
    GradientClipping(1.0).attach(engine)
    engine.run([0])
    assert not any(torch.isfinite(gradient).all() for gradient in _gradients(engine))


@pytest.mark.parametrize("max_norm", [0, -1.0])
def test_a_bound_that_is_none(max_norm):
    with pytest.raises(InputError, match="max_norm"):
        GradientClipping(max_norm)
