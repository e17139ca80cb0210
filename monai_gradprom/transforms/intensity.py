# SPDX-License-Identifier: Apache-2.0
"""Intensities between their stored range and [0, 1], there and back without loss."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import TraceKeys, TransformBackends, convert_to_tensor, get_equivalent_dtype

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.shared_pixels import each_once

__all__ = ["ScaleStoredRange", "ScaleStoredRanged", "stored_dtype"]


def stored_dtype(img: torch.Tensor | np.ndarray) -> np.dtype:
    """The dtype that the image has on disk: what the loader recorded, else the dtype of ``img``."""
    recorded = img.meta.get("stored_dtype") if isinstance(img, MetaTensor) else None
    return np.dtype(recorded or get_equivalent_dtype(img.dtype, np.ndarray))


class ScaleStoredRange(InvertibleTransform):
    """Scale intensities to [0, 1] by the range of the stored dtype, never by what one image happens to hold.

    ``(x - low) / (high - low)``. Low and high are ``value_range`` where it is given; else ``meta["stored_range"]``
    where the image has it, as DICOM does (its window); else those of the dtype: uint8 is divided by 255, uint16 by
    65535, int16 maps -32768 to 0 and 32767 to 1. Wider integers and floating-point images have no natural range;
    floating-point images that already lie in [0, 1] stay as they are.

    The inverse multiplies back and, for integers, rounds, clips to the dtype's range and casts, so that every 8-bit and
    16-bit value survives the round trip. uint16 comes back as int32 (PyTorch lacks arithmetic for uint16), with its
    stored values.

    Args:
        value_range: (low, high) in stored units, such as (-1000, 1000) HU; what lies outside saturates at 0 or 1.

    Raises:
        InputError: ``value_range`` is not an increasing pair.
    """

    backend = [TransformBackends.TORCH]  # noqa: RUF012 - MONAI's own way

    def __init__(self, value_range: Sequence[float] | None = None) -> None:
        self.value_range = None if value_range is None else _increasing(value_range, "value_range")

    def __call__(self, img: torch.Tensor | np.ndarray) -> torch.Tensor:
        """Scale.

        Args:
            img: channel first, stored values.

        Returns:
            float32 in [0, 1], same shape; a MetaTensor that remembers how to go back.

        Raises:
            InputError: a floating-point image outside [0, 1], or 32-bit integers, without any range; or a
                ``stored_range`` that is not an increasing pair.
        """
        dtype = stored_dtype(img)
        tensor: torch.Tensor = convert_to_tensor(img, track_meta=get_track_meta())
        low, high = self.value_range or _stored_range(img) or _natural_range(tensor, dtype)
        out = _scaled(tensor, dtype, low, high)
        self.push_transform(out, extra_info={"dtype": dtype.name, "low": low, "high": high})
        return out

    def inverse(self, img: torch.Tensor) -> torch.Tensor:
        """Undo the scaling.

        Args:
            img: MetaTensor that went through ``__call__`` (or took its trace over, as with ``Invertd``).

        Returns:
            Stored units in the stored dtype: integers rounded and clipped, floating-point numbers as they are.

        Raises:
            ValueError: the image holds NaN or infinity, which no integer can express.
        """
        info = self.pop_transform(img)[TraceKeys.EXTRA_INFO]
        dtype = np.dtype(info["dtype"])
        out = img.double() * (info["high"] - info["low"]) + info["low"]
        if dtype.kind in "ui":
            if not torch.isfinite(out).all():
                raise ValueError("The enhanced image holds NaN or infinity; check the weights and the input.")
            limits = np.iinfo(dtype)
            out = out.round().clamp(limits.min, limits.max)
        return out.to(_torch_dtype(dtype))


def _increasing(pair: Sequence[Any], name: str) -> tuple[float, float]:
    if len(pair) != 2 or not pair[0] < pair[1]:
        raise InputError(f"{name} is {pair!r}; give two increasing numbers in stored units.")
    return float(pair[0]), float(pair[1])


def _stored_range(img: torch.Tensor | np.ndarray) -> tuple[float, float] | None:
    found = img.meta.get("stored_range") if isinstance(img, MetaTensor) else None
    return None if found is None else _increasing(found, "stored_range")


def _natural_range(img: torch.Tensor, dtype: np.dtype) -> tuple[float, float]:
    if dtype.kind in "ui" and dtype.itemsize <= 2:
        return _limits(dtype)
    low, high = img.min().item(), img.max().item()
    if dtype.kind == "f" and low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    name = img.meta.get("filename_or_obj", "The image") if isinstance(img, MetaTensor) else "The image"
    raise InputError(
        f"{name}: stores {dtype.name} values from {low:g} to {high:g}, a type without a natural range; "
        "give `value_range` (low, high) in stored units."
    )


def _scaled(img: torch.Tensor, dtype: np.dtype, low: float, high: float) -> torch.Tensor:
    whole = dtype.kind in "ui" and dtype.itemsize <= 2 and not img.is_floating_point()
    if whole and (low, high) == _limits(dtype):
        # float32 is exact up to the division, and so gives what float64, rounded at the end, would give
        return (img.float() - low) / torch.tensor(high - low, dtype=torch.float32, device=img.device)
    # float64 in between: float32 would lose digits of wide value ranges
    return ((img.double() - low) / (high - low)).clamp(0.0, 1.0).float()


def _limits(dtype: np.dtype) -> tuple[float, float]:
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)


def _torch_dtype(dtype: np.dtype) -> torch.dtype:
    widened = {"uint16": torch.int32, "uint32": torch.int64}
    return widened.get(dtype.name) or get_equivalent_dtype(dtype, torch.Tensor)


class ScaleStoredRanged(MapTransform, InvertibleTransform):
    """Dictionary twin of :class:`ScaleStoredRange`, for use with :class:`monai.transforms.Invertd`.

    Args:
        keys: images to scale; not masks.
        value_range: see :class:`ScaleStoredRange`.
        allow_missing_keys: skip keys that an item lacks.
    """

    backend = ScaleStoredRange.backend

    def __init__(
        self, keys: KeysCollection, value_range: Sequence[float] | None = None, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.scale = ScaleStoredRange(value_range)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale every key; see :meth:`ScaleStoredRange.__call__`."""
        d = dict(data)
        each_once(d, [(key, self.scale) for key in self.key_iterator(d)])
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Undo every key; see :meth:`ScaleStoredRange.inverse`."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = self.scale.inverse(d[key])
        return d
