# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.transforms import SelectStructures, SelectStructuresd

MASK = torch.tensor([[[0, 1, 2, 3, 7, 255]]])


@pytest.mark.parametrize(
    ("structures", "expected"),
    [
        ([1], [0, 1, 0, 0, 0, 0]),
        ([3, 1], [0, 2, 0, 1, 0, 0]),
        ([[1, 2, 3]], [0, 1, 1, 1, 0, 0]),
        ([1, [2, 7]], [0, 1, 2, 0, 2, 0]),
        ([[255], (1, 3)], [0, 2, 0, 2, 0, 1]),
        ([], [0, 0, 0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_the_ith_entry_becomes_class_i(structures: list, expected: list[int], dtype: torch.dtype) -> None:
    out = SelectStructures(structures)(MASK.to(dtype))
    assert out.dtype == torch.uint8 and out.flatten().tolist() == expected


def test_the_mask_and_its_metadata_are_left_alone() -> None:
    mask = MetaTensor(MASK.clone(), affine=2 * torch.eye(4), meta={"filename_or_obj": "a.png"})
    out = SelectStructuresd(["segmentation", "other"], [[1, 2]], allow_missing_keys=True)({"segmentation": mask})
    assert torch.equal(mask.as_tensor(), MASK)
    assert out["segmentation"].meta["filename_or_obj"] == "a.png"
    assert torch.equal(out["segmentation"].affine, mask.affine)
