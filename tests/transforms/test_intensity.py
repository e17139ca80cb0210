# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, Invertd

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import ScaleStoredRange, ScaleStoredRanged, stored_dtype
from monai_gradprom.transforms.shared_pixels import view_of


def stored(values: np.ndarray) -> MetaTensor:
    """An image as the loader leaves it: uint16 widened, the truth in the metadata."""
    widened = values.astype(np.int32) if values.dtype == np.uint16 else values
    return MetaTensor(torch.from_numpy(widened)[None], meta={"stored_dtype": values.dtype.name})


def every_value(dtype: type) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1).astype(dtype).reshape(16, -1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_every_stored_value_survives_the_round_trip(dtype: type) -> None:
    values = every_value(dtype)
    scale = ScaleStoredRange()
    scaled = scale(stored(values))
    assert scaled.dtype == torch.float32
    assert scaled.min() == 0 and scaled.max() == 1
    back = scale.inverse(scaled)
    assert back.dtype == (torch.int32 if dtype == np.uint16 else torch.from_numpy(values[:1].astype(dtype)).dtype)
    np.testing.assert_array_equal(back[0].numpy(), values)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16])
def test_every_stored_value_is_the_nearest_float32(dtype: type) -> None:
    """Of the exact quotient, rounded once."""
    values, info = every_value(dtype), np.iinfo(dtype)
    exact = (values.astype(np.longdouble) - info.min) / (info.max - info.min)
    np.testing.assert_array_equal(ScaleStoredRange()(stored(values))[0].numpy(), exact.astype(np.float32))


def test_values_that_no_longer_are_the_stored_ones_are_still_limited() -> None:
    """Such as those of a filter that was applied in stored units."""
    values = MetaTensor(torch.tensor([[[-3.5, 51.25, 255.5]]]), meta={"stored_dtype": "uint8"})
    assert ScaleStoredRange()(values).flatten().tolist() == pytest.approx([0, 51.25 / 255, 1])


def test_what_two_keys_share_is_scaled_once_and_stays_shared() -> None:
    image = stored(every_value(np.uint8))
    item = {"image": image, "label": view_of(image), "other": image.clone()}
    scale = ScaleStoredRanged(["image", "label", "other"])
    out = scale(item)
    assert out["image"].data_ptr() == out["label"].data_ptr() != out["other"].data_ptr()
    assert torch.equal(out["image"], out["other"])
    back = scale.inverse(out)  # each has its own trace
    assert torch.equal(back["image"], image) and torch.equal(back["label"], image)


def test_eight_bits_are_divided_by_255_whatever_the_image_holds() -> None:
    dark = np.full((4, 5), 51, dtype=np.uint8)
    assert torch.allclose(ScaleStoredRange()(stored(dark)), torch.tensor(51 / 255))


def test_a_value_range_is_affine_and_saturates() -> None:
    hounsfield = np.array([[-1000, 0, 1000, 3000]], dtype=np.int16)
    scale = ScaleStoredRange(value_range=(-1000, 1000))
    scaled = scale(stored(hounsfield))
    assert scaled.flatten().tolist() == [0.0, 0.5, 1.0, 1.0]
    assert scale.inverse(scaled).flatten().tolist() == [-1000, 0, 1000, 1000]


def test_the_inverse_rounds_and_clips() -> None:
    scale = ScaleStoredRange()
    scaled = scale(stored(np.zeros((1, 5), dtype=np.uint8)))
    wild = MetaTensor(
        torch.tensor([[[-0.5, 0.4 / 255, 0.6 / 255, 1.2, 1.0]]]), applied_operations=scaled.applied_operations
    )
    assert scale.inverse(wild).flatten().tolist() == [0, 0, 1, 255, 255]


def test_floats_in_the_unit_range_stay_as_they_are() -> None:
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    scale = ScaleStoredRange()
    scaled = scale(stored(values))
    np.testing.assert_array_equal(scaled[0].numpy(), values)
    np.testing.assert_array_equal(scale.inverse(scaled)[0].numpy(), values)


@pytest.mark.parametrize(
    "values",
    [np.array([[0.0, 300.0]], dtype=np.float32), np.array([[0.0, np.nan]]), np.array([[0, 9]], dtype=np.int32)],
    ids=["float beyond 1", "nan", "int32"],
)
def test_a_type_without_a_natural_range_needs_value_range(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="value_range"):
        ScaleStoredRange()(stored(values))


@pytest.mark.parametrize("bad", [(1, 0), (0, 0), (1,), (0, 1, 2)])
def test_a_range_that_does_not_increase_is_refused(bad: tuple) -> None:
    with pytest.raises(InputError, match="value_range"):
        ScaleStoredRange(bad)


def test_nan_never_becomes_an_integer() -> None:
    scale = ScaleStoredRange()
    scaled = scale(stored(np.zeros((2, 2), dtype=np.uint8)))
    with pytest.raises(ValueError, match="NaN"):
        scale.inverse(scaled * float("nan"))


def test_a_plain_array_is_scaled_by_its_own_dtype() -> None:
    assert stored_dtype(np.zeros(3, dtype=np.uint16)) == np.uint16
    out = ScaleStoredRange()(np.array([[[0, 65535]]], dtype=np.uint16))
    assert out.flatten().tolist() == [0, 1]


def test_invertd_brings_a_prediction_back_through_a_batch() -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (6, 7)).astype(np.uint8) for _ in range(3)]
    preprocessing = Compose([ScaleStoredRanged(["image", "label"])])
    items = [preprocessing({"image": stored(x), "label": stored(x)}) for x in images]
    batch = list_data_collate(items)
    batch["pred"] = 1 - batch["image"]
    invert = Invertd("pred", preprocessing, orig_keys="image", nearest_interp=False, to_tensor=True)
    for item, image in zip(decollate_batch(batch), images, strict=True):
        out = invert(item)["pred"]
        assert out.dtype == torch.uint8 and out.meta["stored_dtype"] == "uint8"
        np.testing.assert_array_equal(out[0].numpy(), 255 - image)


def test_the_input_is_not_changed() -> None:
    image = stored(np.array([[7, 9]], dtype=np.uint8))
    ScaleStoredRange()(image)
    assert image.dtype == torch.uint8 and image.flatten().tolist() == [7, 9] and not image.applied_operations
