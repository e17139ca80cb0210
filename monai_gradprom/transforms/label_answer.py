# SPDX-License-Identifier: Apache-2.0
"""An enhanced image on its way through MONAI Label, which takes every prediction for a mask."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform

from monai_gradprom.errors import InputError
from monai_gradprom.transforms.finer_grid import affine_of_result

__all__ = ["AnswerMONAILabeld", "as_dtype"]

_REQUEST = "image_path"  # MONAI Label puts it into every item, nobody else does


class AnswerMONAILabeld(MapTransform):
    """Make the ``monaibundle`` app of MONAI Label answer with the enhanced image as it is; elsewhere do nothing.

    The app resizes every prediction to the size of its input by nearest neighbours, which throws super-resolution away,
    gives it the input's affine, and casts it to the type that the viewer asks for, which wraps. This, as the last
    postprocessing transform, leaves nothing to resize, sets the affine of the result (see :func:`affine_of_result`),
    and rounds and clips to the type asked for (``result_dtype``), else to the stored one.

    The app's writer knows no channels. So an image W x H is answered as a volume W x H x 1, which also keeps its
    affine, and a colour image as W x H x 3. Write NIfTI (``"displayable_configs": {"result_extension": ".nii.gz"}``).

    Args:
        keys: predictions, after ``Invertd``: [C, W, H] or [1, W, H, D] MetaTensors.
        image_key: the input, which is taken out of the item.
    """

    def __init__(self, keys: KeysCollection = "pred", image_key: str = "image") -> None:
        super().__init__(keys)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return ``data`` as it is, or as the app shall have it.

        Raises:
            InputError: a volume in colour, or an unknown ``result_dtype``.
        """
        d = dict(data)
        if _REQUEST not in d:
            return d
        wanted = d.pop("result_dtype", None)
        del d[self.image_key]
        for key in self.key_iterator(d):
            values, meta = d[key].detach().cpu().numpy(), d[key].meta
            if values.ndim == 4 and len(values) > 1:
                raise InputError(f"{d[_REQUEST]}: is a volume in colour, which MONAI Label cannot answer with.")
            volume = values[0] if values.ndim == 4 else np.moveaxis(values, 0, -1)
            d[key] = as_dtype(volume, wanted or meta.get("stored_dtype", values.dtype))
            # all that the app's own last steps look at
            d[f"{self.image_key}_meta_dict"] = {"original_affine": affine_of_result(values.shape[1:], meta)}
        return d


def as_dtype(values: np.ndarray, dtype: Any) -> np.ndarray:
    """``values`` in another type; whole numbers are rounded half to even and clipped, never wrapped.

    Args:
        values: any shape, finite where ``dtype`` is whole.
        dtype: anything that NumPy calls a type, such as ``"uint8"``.

    Raises:
        InputError: ``dtype`` is no type of numbers.
    """
    try:
        target = np.dtype(dtype)
    except TypeError:
        target = np.dtype(object)
    if target.kind not in "uif":
        raise InputError(f"result_dtype is {dtype!r}; name a type of numbers, such as uint8, int16 or float32.")
    if target.kind == "f" or target == values.dtype:
        return values.astype(target, copy=False)
    low, high = np.iinfo(target).min, np.iinfo(target).max
    if values.dtype.kind == "f":
        values = np.rint(values.astype(np.float64))
        # beyond 53 bits the highest whole number is no float64
        return np.clip(values, low, high if high < 2**53 else np.nextafter(high, 0)).astype(target)
    own = np.iinfo(values.dtype)
    return np.clip(values, max(low, own.min), min(high, own.max)).astype(target)
