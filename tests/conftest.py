# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same global random state and leaves deterministic settings as they were."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
