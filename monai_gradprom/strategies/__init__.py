# SPDX-License-Identifier: Apache-2.0
"""How the two gradients meet. Pure torch, usable in any training loop; one strategy a file."""

from __future__ import annotations

from .base import TaskLoss, UpdateStrategy
from .bilevel import INNER_LR, BiLevel
from .detached import Detached
from .enhancer_only import EnhancerOnly
from .factory import GATES, STRATEGIES, get_strategy
from .frozen import Frozen
from .frozen_gates import FrozenGradProm, FrozenGradPromCosine
from .gradients import Gradients
from .gradprom import GradProm
from .gradprom_cosine import GradPromCosine
from .held import HeldGate
from .joint import Joint
from .last_layers import LastLayersGate
from .parametric_loss import NetworkLoss, ParametricLoss
from .report import GateReport
from .weights import RelativeWeight, Weight, parse_weight

__all__ = [
    "GATES",
    "INNER_LR",
    "STRATEGIES",
    "BiLevel",
    "Detached",
    "EnhancerOnly",
    "Frozen",
    "FrozenGradProm",
    "FrozenGradPromCosine",
    "GateReport",
    "GradProm",
    "GradPromCosine",
    "Gradients",
    "HeldGate",
    "Joint",
    "LastLayersGate",
    "NetworkLoss",
    "ParametricLoss",
    "RelativeWeight",
    "TaskLoss",
    "UpdateStrategy",
    "Weight",
    "get_strategy",
    "parse_weight",
]
