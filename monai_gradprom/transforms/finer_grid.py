# SPDX-License-Identifier: Apache-2.0
"""Where the pixels of a super-resolved image lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monai.data.utils import affine_to_spacing, to_affine_nd
from monai.transforms.utils import scale_affine

__all__ = ["affine_of_result"]


def affine_of_result(spatial_shape: Sequence[int], meta: Mapping[str, Any]) -> np.ndarray:
    """The affine of a network's result, which covers the field of view of the image that the network was given.

    ``meta["affine"]`` belongs to the latter's pixels. A result with f times as many on every side has spacing / f, and
    an origin that is moved by (1/f - 1)/2 of the old pixels along every axis: the origin is the centre of the first
    pixel, the corners of the field of view stay. f is found from the stored frame's ``spatial_shape`` and
    ``original_affine``, so that down-sampling (which makes the affine coarser) and cropping to a multiple count.

    Args:
        spatial_shape: of the result, [W, H] or [W, H, D].
        meta: the metadata of :class:`LoadClinicalImage`.

    Returns:
        4 x 4, float64, millimetres, RAS.
    """
    affine = to_affine_nd(3, np.asarray(meta["affine"], dtype=np.float64))
    factor = _enlargement(spatial_shape, affine, meta)
    axes = len(spatial_shape)
    finer: np.ndarray = affine @ to_affine_nd(3, scale_affine([1] * axes, [factor] * axes))
    return finer


def _enlargement(spatial_shape: Sequence[int], affine: np.ndarray, meta: Mapping[str, Any]) -> int:
    stored = np.asarray(meta.get("spatial_shape", spatial_shape), dtype=float)
    if len(stored) != len(spatial_shape):
        return 1
    original = np.asarray(meta.get("original_affine", affine), dtype=np.float64)
    coarser = affine_to_spacing(affine) / affine_to_spacing(to_affine_nd(3, original))
    given = stored / coarser[: len(stored)]
    factor = round(max(np.asarray(spatial_shape) / given))
    missing = factor * given - spatial_shape
    # cropping before the network may have taken less than one of its pixels; anything else was no enlargement
    return factor if factor > 1 and (missing > -0.01).all() and (missing < factor).all() else 1
