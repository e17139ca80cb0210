# SPDX-License-Identifier: Apache-2.0
"""A bundle's preprocessing and postprocessing, less its loading and saving, for frames that are in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, InvertibleTransform, LoadImaged, SaveImaged, Spacingd

from monai_gradprom.errors import InputError
from monai_gradprom.transforms import AnswerMONAILabeld, ScaleStoredRanged

from .gains import Gain, gain

__all__ = ["FrameTransforms", "Prepared"]

Window = tuple[float, float]
_PRED = "pred"


class Prepared:
    """One frame on its way: its own units, what the network is given, and how far values were stretched for good."""

    def __init__(self, units: torch.Tensor, item: dict[Any, Any], image: torch.Tensor, stretched: Gain | None) -> None:
        self.units = units
        self.item = item
        self.image = image
        self.stretched = stretched


class FrameTransforms:
    """The transforms of a bundle between its loader and its network, and between its network and its saver.

    What the preprocessing does and ``Invertd`` undoes is left to them; a bundle without ``Invertd`` gets one. What it
    does and MONAI cannot undo (``ScaleIntensityRanged``, ``NormalizeIntensityd``, ...) must map each channel's values
    along a line, whose slope is then undone here: see :func:`~monai_gradprom.enhance.model.gains.gain`.

    Args:
        preprocessing: the bundle's, instantiated; None if it has none.
        postprocessing: likewise.

    Pixels count as one millimetre wide and axes as they are stored.

    Attributes:
        key: under which the image goes through the preprocessing.
        plain: the :class:`ScaleStoredRanged` that is all there is, apart from its inverse; None if there is more.

    Raises:
        InputError: the preprocessing resamples to a pixel spacing.
    """

    def __init__(self, preprocessing: Any, postprocessing: Any) -> None:
        everything = _flat(preprocessing)
        loaders = [t for t in everything if isinstance(t, LoadImaged)]
        self.key = str(loaders[0].keys[0]) if loaders else "image"
        self.before = [t for t in everything if not isinstance(t, LoadImaged)]
        self.after = [t for t in _flat(postprocessing) if not isinstance(t, SaveImaged | AnswerMONAILabeld)]
        if any(isinstance(t, Spacingd) for t in self.before):
            raise InputError("the bundle resamples to a pixel spacing (Spacingd); enhance keeps pixels where they are.")
        traced = any(isinstance(t, InvertibleTransform) for t in self.before)
        if traced and not any(isinstance(t, Invertd) for t in self.after):
            undo = Invertd(_PRED, Compose(self.before), orig_keys=self.key, nearest_interp=False, to_tensor=True)
            self.after.insert(0, undo)
        self.plain = _plain(self.key, self.before, self.after)

    def prepare(self, units: torch.Tensor, window: Window) -> Prepared:
        """Preprocess one frame.

        Args:
            units: float32, [C, *spatial], in modality units.
            window: (low, high) in the same units; it takes the place of the stored dtype's range.
        """
        item: dict[Any, Any] = {self.key: _image(units, window)}
        item, stretched = _through(self.before, item, self.key, None)
        image = item[self.key]
        return Prepared(units, item, image.as_tensor() if isinstance(image, MetaTensor) else image, stretched)

    def finish(self, prepared: Prepared, prediction: torch.Tensor, factor: int) -> torch.Tensor:
        """Postprocess one prediction and bring it back to the frame's units.

        Args:
            prepared: the frame.
            prediction: [C, *spatial], what the network made of ``prepared.image``.
            factor: by which it enlarged.

        Returns:
            float32, [C, *(factor * spatial)]. Without enlargement ``units + (post(prediction) - post(image))``, undone
            stretching left aside: a network that changes nothing returns the units bit for bit, whatever was clipped.

        Raises:
            InputError: the bundle does not bring the result back to the frame's shape.
        """
        # the postprocessing of the untouched image tells what of it is the network's doing
        same, stretched = self._postprocessed(prepared, prepared.image)
        made, _ = self._postprocessed(prepared, prediction)
        expected = [factor * side for side in prepared.units.shape[1:]]
        if same.shape != prepared.units.shape or list(made.shape) != [len(prepared.units), *expected]:
            raise InputError(
                f"the bundle turns an image of {list(prepared.units.shape)} into {list(made.shape)} instead of "
                f"{[len(prepared.units), *expected]}: its postprocessing does not undo what its preprocessing did."
            )
        units = prepared.units.double()
        if stretched is None:
            return (units + (made - same) if factor == 1 else made).float()
        flat = stretched.isnan()  # a flat channel's change has no known scale: it stays as it is
        slope = torch.where(flat, torch.inf, stretched)
        if factor == 1:
            return (units + (made - same) / slope).float()
        mean = units.flatten(1).mean(dim=1).reshape(slope.shape)
        return torch.where(flat, mean, (made - _offset(units, same, slope)) / slope).float()

    def _postprocessed(self, prepared: Prepared, prediction: torch.Tensor) -> tuple[torch.Tensor, Gain | None]:
        """float64 on the CPU, and how far values are still stretched."""
        item = prepared.item | {_PRED: MetaTensor(prediction.clone())}
        item, stretched = _through(self.after, item, _PRED, prepared.stretched)
        return torch.as_tensor(item[_PRED]).detach().cpu().as_subclass(torch.Tensor).double(), stretched


def _through(
    transforms: Sequence[Callable], item: dict[Any, Any], key: str, stretched: Gain | None
) -> tuple[dict[Any, Any], Gain | None]:
    """Apply transforms; how far they stretch values in a way that nothing else will undo."""
    for transform in transforms:
        undone = isinstance(transform, InvertibleTransform | Invertd)
        before = None if undone else item[key].clone()  # a transform may work in place
        item = transform(item)
        if before is not None and item[key].shape == before.shape:
            by = gain(before, item[key], type(transform).__name__)
            stretched = by if stretched is None else stretched if by is None else stretched * by
    return item, stretched


def _offset(units: torch.Tensor, same: torch.Tensor, slope: Gain) -> torch.Tensor:
    """What is left of ``same`` = slope * units + offset, where nothing was clipped."""
    offsets = []
    for left, y in zip((same - units * slope).flatten(1), same.flatten(1), strict=True):
        free = (y > y.min()) & (y < y.max())
        offsets.append((left[free] if free.any() else left).median())
    return torch.stack(offsets).reshape(slope.shape)


def _image(units: torch.Tensor, window: Window) -> MetaTensor:
    """As :class:`monai_gradprom.transforms.LoadClinicalImage` would have loaded it."""
    meta = {
        "filename_or_obj": "",
        "affine": np.eye(4),
        "original_affine": np.eye(4),
        "spatial_shape": np.asarray(units.shape[1:]),
        "original_channel_dim": 0,
        "space": "RAS",
        "stored_dtype": "float32",
        "stored_ndim": units.ndim - 1,
        "stored_range": window,
        "frame": -1,
    }
    image: MetaTensor = MetaTensor.ensure_torch_and_prune_meta(units.clone(), meta)
    return image


def _flat(transforms: Any) -> list[Callable]:
    if transforms is None:
        return []
    listed = transforms if isinstance(transforms, list | tuple | Compose) else [transforms]
    composed = listed if isinstance(listed, Compose) else Compose(list(listed))
    return list(composed.flatten().transforms)


def _plain(key: str, before: Sequence[Callable], after: Sequence[Callable]) -> ScaleStoredRanged | None:
    if [type(t) for t in before] != [ScaleStoredRanged] or [type(t) for t in after] != [Invertd]:
        return None
    scale: Any = before[0]
    undo: Any = after[0]
    found = (scale.keys, undo.keys, undo.orig_keys, undo.post_func, undo.device)
    return scale if found == ((key,), (_PRED,), (key,), (None,), (None,)) else None
