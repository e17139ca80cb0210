# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import ModuleType

import pytest
import torch

from monai_gradprom.strategies import Joint, ParametricLoss

SCRIPT_NAME = "look_ahead"


class Product(ParametricLoss):
    """L_VR = (φŷ - 1)² / 2."""

    def __init__(self, output: torch.Tensor, phi: torch.Tensor) -> None:
        self.output, self.phi = output, phi

    def __call__(self) -> torch.Tensor:
        return self.at([self.phi])

    def at(self, parameters) -> torch.Tensor:
        return 0.5 * (parameters[0] * self.output - 1).square().sum()


def test_what_is_noted_can_be_derived_by_hand(script: ModuleType) -> None:
    """θ = 2, φ = 3: L = 12.5 and ∂L/∂ŷ = 15. φ' = 2: there L = 4.5; the look-aheads are 6 and -0.6."""
    theta, phi = (torch.tensor([value], requires_grad=True) for value in (2.0, 3.0))
    output = theta * 1.0
    ahead = script.Ahead([0.1])
    ahead.backward(output, output.sum(), {"t": Product(output, phi)}, [theta], {"t": [phi]}, {"t": 0.5})
    assert ahead.found["t", 0.1] == [pytest.approx([4.5 / 12.5, 1.0, 6 / 15, -1.0, 0.6 / 15], rel=1e-5)]
    assert theta.grad.item() == pytest.approx(1 + 0.5 * 15)  # joint training goes on as it would
    assert phi.grad.item() == pytest.approx(10.0)
    assert ahead.setting() == Joint().setting()


def test_cells_are_medians_and_quartiles(script: ModuleType) -> None:
    assert script.cell([1.0, 2.0, 3.0]) == "2.000 (1.000 to 3.000)"
    assert script.cell([5.0]) == "5.000 (5.000 to 5.000)"
