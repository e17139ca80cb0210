# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import random

import numpy as np
import torch

from monai_gradprom.engines import RandomStates


def draw():
    return random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(1).item()


def test_the_streams_continue_where_they_were_saved():
    draw()  # leaves half a pair of Gaussian numbers behind in Python's and NumPy's generators
    buffer = io.BytesIO()
    torch.save(RandomStates().state_dict(), buffer)
    expected = [draw() for _ in range(3)]
    buffer.seek(0)
    RandomStates().load_state_dict(torch.load(buffer, weights_only=True))
    assert [draw() for _ in range(3)] == expected
