# SPDX-License-Identifier: Apache-2.0
"""What most bundles do to intensities, without the cost of metadata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

__all__ = ["PlainScaling"]

Window = tuple[float, float]


class PlainScaling:
    """:class:`~monai_gradprom.transforms.ScaleStoredRange` of a batch, and its inverse, number for number.

    NumPy's loops take one core; PyTorch's would keep those busy that read and write files, and are slower where
    precisions mix.

    Args:
        units: float32, [B, C, *spatial].
        ranges: (low, high) of each image: what becomes 0 and 1.
    """

    def __init__(self, units: torch.Tensor, ranges: Sequence[Window]) -> None:
        self._given, self._units, self._ranges = units, units.numpy(), ranges
        self.images = torch.empty(units.shape)
        """[B, C, *spatial], float32 in [0, 1]."""
        for image, given, (low, high) in zip(self.images.numpy(), self._units, ranges, strict=True):
            scaled = given.astype(np.float64)
            scaled -= low
            scaled /= high - low
            image[...] = np.clip(scaled, 0.0, 1.0, out=scaled)

    def back(self, predictions: torch.Tensor, factor: int) -> torch.Tensor:
        """Bring predictions back to units: see :meth:`.frame_transforms.FrameTransforms.finish`.

        Args:
            predictions: float32, [B, C, *(factor * spatial)].
            factor: by which the network enlarged.

        Returns:
            float32, of the same shape; the very tensor of units where the network has changed nothing.
        """
        if factor == 1 and np.array_equal(predictions.numpy(), self.images.numpy()):
            return self._given
        out = torch.empty(predictions.shape)
        everything = zip(out.numpy(), predictions.numpy(), self.images.numpy(), self._units, self._ranges, strict=True)
        for result, made, image, units, value_range in everything:
            if factor > 1:
                result[...] = _in_range(made, value_range)
            else:
                # the change in double precision, between numbers of single precision
                change = _in_range(made, value_range).astype(np.float64)
                change -= _in_range(image, value_range)
                change += units
                result[...] = change
        return out


def _in_range(image: np.ndarray, value_range: Window) -> np.ndarray:
    """float32 in [0, 1] -> float32 in (low, high), by way of double precision."""
    low, high = value_range
    values = image.astype(np.float64)
    values *= high - low
    values += low
    return values.astype(np.float32)
