# SPDX-License-Identifier: Apache-2.0
"""Copies between memories of different order hold the same pixels."""

from __future__ import annotations

import numpy as np
import pytest

from monai_gradprom.enhance.model.image_copy import copy_image


@pytest.mark.parametrize("shape", [(1, 70, 90), (3, 70, 90), (1, 1, 5), (2, 6, 7, 8)])
@pytest.mark.parametrize("source_order", "CF")
@pytest.mark.parametrize("target_order", "CF")
def test_every_pixel_arrives(shape, source_order, target_order):
    source = np.arange(np.prod(shape), dtype=np.float32).reshape(shape).copy(source_order)
    target = np.zeros(shape, np.float32, order=target_order)
    copy_image(target, source)
    assert (target == source).all()
