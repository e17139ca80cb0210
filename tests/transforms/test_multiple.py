# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import CropToMultipled


@pytest.mark.parametrize("shape", [(3, 11, 9), (1, 8, 10), (1, 9, 7, 6)])
@pytest.mark.parametrize("multiple", [2, 4])
def test_the_far_ends_are_trimmed(shape: tuple[int, ...], multiple: int) -> None:
    affine = torch.tensor([[0.5, 0, 0, 7], [0, 0.2, 0, 8], [0, 0, 2, 9], [0, 0, 0, 1]], dtype=torch.float64)
    image = MetaTensor(torch.rand(shape), affine=affine, meta={"filename_or_obj": "a.png"})
    out = CropToMultipled("image", multiple)({"image": image})["image"]
    kept = [n // multiple * multiple for n in shape[1:]]
    assert list(out.shape[1:]) == kept
    assert torch.equal(out, image[(slice(None), *map(slice, kept))])
    assert torch.equal(out.affine, affine) and out.meta["filename_or_obj"] == "a.png"
    assert image.shape == shape


def test_masks_are_trimmed_alike_and_keep_their_dtype() -> None:
    mask = MetaTensor(torch.arange(35, dtype=torch.uint8).reshape(1, 7, 5))
    out = CropToMultipled(["label", "segmentation"], 2)({"label": mask.float() / 255, "segmentation": mask})
    assert out["segmentation"].dtype == torch.uint8
    assert torch.equal((out["label"] * 255).round(), out["segmentation"].float())


@pytest.mark.parametrize(("shape", "multiple"), [((1, 7, 5), 1), ((1, 8, 4), 4)])
def test_nothing_to_trim_is_the_identity(shape: tuple[int, ...], multiple: int) -> None:
    image = MetaTensor(torch.rand(shape))
    assert CropToMultipled("image", multiple)({"image": image})["image"] is image


def test_an_image_that_is_smaller_is_named() -> None:
    image = MetaTensor(torch.rand(1, 8, 3), meta={"filename_or_obj": "tiny.png"})
    with pytest.raises(InputError, match=r"tiny\.png: is 8 x 3 pixels, less than the 4"):
        CropToMultipled("image", 4)({"image": image})


def test_missing_keys_pass_unless_forbidden() -> None:
    assert CropToMultipled(["image", "label"], 2)({}) == {}
    with pytest.raises(KeyError):
        CropToMultipled("image", 2, allow_missing_keys=False)({})


@pytest.mark.parametrize("multiple", [0, -2, 2.0, "2"])
def test_an_unusable_multiple_is_refused(multiple: object) -> None:
    with pytest.raises(InputError, match="multiple"):
        CropToMultipled("image", multiple)
