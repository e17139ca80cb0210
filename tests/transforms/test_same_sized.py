# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import EnsureSameSized


def image(name: str, *shape: int) -> MetaTensor:
    return MetaTensor(torch.zeros(shape), meta={"filename_or_obj": name})


def test_equal_sizes_pass_whatever_the_channels() -> None:
    item = {"image": image("a.png", 3, 8, 6), "label": image("b.png", 1, 8, 6), "segmentation": torch.zeros(1, 8, 6)}
    out = EnsureSameSized(["image", "segmentation"])(item)
    assert out == item and all(out[key] is item[key] for key in item)


@pytest.mark.parametrize("shape", [(1, 6, 8), (1, 8, 5), (1, 8, 6, 1)])
def test_another_size_names_both_files_and_sizes(shape: tuple[int, ...]) -> None:
    item = {"label": image("scan.png", 1, 8, 6), "segmentation": image("mask.png", *shape)}
    size = " x ".join(map(str, shape[1:]))
    with pytest.raises(InputError, match=rf"mask.png: its segmentation is {size} pixels.*scan.png.*8 x 6.*resample"):
        EnsureSameSized(["image", "segmentation"])(item)


def test_missing_keys_pass() -> None:
    assert EnsureSameSized(["image", "segmentation"])({"label": image("a", 1, 4, 4)})
    assert EnsureSameSized(["image", "segmentation"])({"image": image("a", 1, 4, 4)})


def test_the_reference_can_be_another() -> None:
    item = {"image": image("a", 1, 4, 4), "pred": image("b", 1, 4, 5)}
    with pytest.raises(InputError, match="its image"):
        EnsureSameSized("pred", reference="image")(item)
