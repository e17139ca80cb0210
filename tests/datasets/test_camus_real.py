# SPDX-License-Identifier: Apache-2.0
"""The real archive, where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import Compose

from monai_gradprom.datasets import camus_datalist
from monai_gradprom.transforms import LoadClinicalImaged, ScaleStoredRanged, paper_augmentation, sector_mask

ROOT = Path(os.environ.get("MONAI_GRADPROM_CAMUS") or Path(__file__).parents[3] / "shared" / "data" / "camus")
SUBSETS = ("training", "validation", "testing")

pytestmark = pytest.mark.skipif(
    not (ROOT / "database_nifti").is_dir(),
    reason="the CAMUS archive is not at hand; name its folder in MONAI_GRADPROM_CAMUS",
)


@pytest.fixture(scope="module")
def lists() -> dict[str, list[dict]]:
    return {subset: camus_datalist(ROOT, subset) for subset in SUBSETS}


def test_every_frame_on_disk_is_in_exactly_one_subset(lists: dict[str, list[dict]]) -> None:
    listed = [item["image"] for subset in SUBSETS for item in lists[subset]]
    split = "".join((ROOT / "database_split" / f"subgroup_{s}.txt").read_text() for s in SUBSETS).split()
    on_disk = [p for p in ROOT.glob("database_nifti/*/*_E[DS].nii.gz") if p.parent.name in split]
    assert sorted(listed) == sorted(map(str, on_disk))
    patients = [{item["patient"] for item in lists[subset]} for subset in SUBSETS]
    assert not (patients[0] & patients[1] or patients[0] & patients[2] or patients[1] & patients[2])


def test_frames_masks_and_sectors_are_as_they_should_be(lists: dict[str, list[dict]]) -> None:
    load = Compose([LoadClinicalImaged(["image", "label", "segmentation"]), ScaleStoredRanged(["image", "label"])])
    for item in lists["testing"][::20]:
        out = load(item)
        raw = np.asarray(nib.load(item["image"]).dataobj)
        np.testing.assert_array_equal(np.round(out["image"][0].numpy() * 255), raw)
        assert out["segmentation"].shape == out["image"].shape
        assert set(out["segmentation"].unique().tolist()) <= {0, 1, 2, 3}
        sector = sector_mask(out["label"])
        assert 0.4 < sector.mean() < 0.8
        assert raw[sector].mean() > 20 * max(raw[~sector].mean(), 0.05)
        assert out["segmentation"][0].numpy().astype(bool)[~sector].sum() < 0.02 * sector.sum()


def test_augmentation_takes_real_frames(lists: dict[str, list[dict]]) -> None:
    keys = ["image", "label", "segmentation"]
    load = Compose([LoadClinicalImaged(keys), ScaleStoredRanged(["image", "label"])])
    out = paper_augmentation(["image", "label"], "segmentation", 128).set_random_state(0)(load(lists["training"][0]))
    assert out["image"].shape == out["segmentation"].shape == (1, 128, 128)
    assert torch.equal(out["image"], out["label"]) and out["image"].min() >= 0 and out["image"].max() <= 1
