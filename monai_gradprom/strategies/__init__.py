# SPDX-License-Identifier: Apache-2.0
"""How the two gradients meet. Pure torch, usable in any training loop; one strategy a file."""

from __future__ import annotations

from .base import TaskLoss, UpdateStrategy
from .enhancer_only import EnhancerOnly
from .factory import STRATEGIES, get_strategy
from .frozen import Frozen
from .gradients import Gradients
from .gradprom import GradProm
from .gradprom_cosine import GradPromCosine
from .held import HeldGate
from .joint import Joint
from .last_layers import LastLayersGate
from .report import GateReport
from .weights import RelativeWeight, Weight, parse_weight

__all__ = [
    "STRATEGIES",
    "EnhancerOnly",
    "Frozen",
    "GateReport",
    "GradProm",
    "GradPromCosine",
    "Gradients",
    "HeldGate",
    "Joint",
    "LastLayersGate",
    "RelativeWeight",
    "TaskLoss",
    "UpdateStrategy",
    "Weight",
    "get_strategy",
    "parse_weight",
]
