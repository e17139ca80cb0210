# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from monai_gradprom.inferers import HaloInferer
from monai_gradprom.networks import Unchanged


def test_any_image_comes_back_in_tiles_of_any_size():
    image = torch.rand(1, 3, 37, 50)
    for tile_size in (16, 21, None):
        assert torch.equal(HaloInferer(tile_size)(image, Unchanged()), image)
