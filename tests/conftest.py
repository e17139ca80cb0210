# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
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


@pytest.fixture
def chance():
    """Moments of kills, by a seed that is printed and that ``KILL_SEED`` in the environment sets."""
    seed = int(os.environ.get("KILL_SEED", "10"))
    print(f"KILL_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory):
    """Weights of a ResNet-18 as torchvision stores them."""
    from monai_gradprom.networks import DiagnosisRecognizer

    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("resnet") / "resnet18.pth"
    torch.save(DiagnosisRecognizer(1000, 3).network.state_dict(), path)
    return path
