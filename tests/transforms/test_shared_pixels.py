# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy

import torch
from monai.data import MetaTensor

from monai_gradprom.transforms.shared_pixels import each_once, view_of, with_meta_of


def image() -> MetaTensor:
    return MetaTensor(torch.rand(1, 5, 4), meta={"filename_or_obj": "a.png"}, affine=3 * torch.eye(4))


def test_a_view_has_the_pixels_and_metadata_of_its_own() -> None:
    first = image()
    view = view_of(first)
    assert view.data_ptr() == first.data_ptr() and torch.equal(view.affine, first.affine)
    view.meta["mark"] = 1
    view.applied_operations.append({})
    assert "mark" not in first.meta and not first.applied_operations
    assert type(view_of(torch.rand(2))) is torch.Tensor


def test_what_is_shared_is_done_once() -> None:
    done = []

    def double(img: torch.Tensor) -> torch.Tensor:
        done.append(img)
        return 2 * img

    first = image()
    item = {"image": first, "label": view_of(first), "other": first.clone(), "part": first[:, :2]}
    each_once(item, [(key, double) for key in item])
    assert len(done) == 3
    assert item["image"].data_ptr() == item["label"].data_ptr()
    for key in ("image", "label", "other"):
        assert torch.equal(item[key].as_tensor(), 2 * first.as_tensor())
    assert torch.equal(item["part"].as_tensor(), 2 * first.as_tensor()[:, :2])


def test_a_cached_item_is_copied_as_shared_as_it_is() -> None:
    """MONAI's CacheDataset copies what it has cached before every use."""
    first = image()
    copied = copy.deepcopy({"image": first, "label": view_of(first)})
    assert copied["image"].data_ptr() == copied["label"].data_ptr() != first.data_ptr()


def test_empty_tensors_and_arrays_share_nothing() -> None:
    item = {"a": torch.empty(0), "b": torch.empty(0), "c": 1}
    each_once(item, [(key, lambda value: (value,)) for key in item])
    assert all(isinstance(value, tuple) for value in item.values())


def test_metadata_are_copied_only_where_there_are_any() -> None:
    out = with_meta_of(image(), torch.zeros(2))
    assert isinstance(out, MetaTensor) and out.meta["filename_or_obj"] == "a.png"
    assert type(with_meta_of(torch.rand(2), torch.zeros(2))) is torch.Tensor
