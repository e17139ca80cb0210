# SPDX-License-Identifier: Apache-2.0
"""The checks for made-up structures on real frames, where the archive is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.restoration import denoise_nl_means

from monai_gradprom.datasets import camus_datalist, camus_unpaired_datalist, high_quality_items
from monai_gradprom.metrics import new_edges
from monai_gradprom.transforms import LoadClinicalImage, ScaleStoredRange, sector_mask

ROOT = Path(os.environ.get("MONAI_GRADPROM_CAMUS") or Path(__file__).parents[3] / "shared" / "data" / "camus")

pytestmark = pytest.mark.skipif(
    not (ROOT / "database_nifti").is_dir(),
    reason="the CAMUS archive is not at hand; name its folder in MONAI_GRADPROM_CAMUS",
)


def test_a_painted_disc_is_found_and_a_smoothed_or_brighter_frame_is_clean():
    for item in camus_datalist(ROOT, "testing")[::40]:
        image = ScaleStoredRange()(LoadClinicalImage(channels=1)(item["image"]))[None].double()
        sector = torch.as_tensor(np.asarray(sector_mask(image[0]))).reshape(image.shape)
        width, height = image.shape[2:]
        x, y = np.mgrid[:width, :height]
        disc = np.hypot(x - width / 2, y - 0.45 * height) < 0.05 * np.hypot(width, height)
        ground = image[0, 0][torch.from_numpy(disc)].mean()
        shift = torch.from_numpy(disc) * (0.4 if ground < 0.5 else -0.4)
        still = denoise_nl_means(image[0, 0].numpy(), patch_size=3, patch_distance=4, h=0.1, fast_mode=True)
        assert new_edges((image + shift).clamp(0, 1), image, sector).item() > 0.005
        assert new_edges(image**0.6, image, sector).item() < 0.001
        assert new_edges(torch.from_numpy(still)[None, None], image, sector).item() < 0.001


def test_real_patients_can_be_divided_by_lot():
    reads = (camus_unpaired_datalist, high_quality_items)
    sides = {
        subset: [{item["patient"] for item in read(ROOT, subset, sides="drawn")} for read in reads]
        for subset in ("training", "validation", "testing")
    }
    everybody = [patients for both in sides.values() for patients in both]
    assert len(set().union(*everybody)) == sum(map(len, everybody))  # nobody is in two places
    for low, high in sides.values():
        assert abs(len(low) - len(high)) <= 1
