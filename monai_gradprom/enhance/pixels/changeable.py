# SPDX-License-Identifier: Apache-2.0
"""The pixels of a file that a network may change."""

from __future__ import annotations

from functools import reduce

import numpy as np

from monai_gradprom.formats.stored import StoredImage

__all__ = ["Changeable"]


class Changeable:
    """All but padding, NaN, infinity, values outside the window, and what lies outside the regions.

    Args:
        image: the file.
        window: (low, high) in modality units; a mirrored image is mirrored within it, so that it holds for both.
    """

    def __init__(self, image: StoredImage, window: tuple[float, float]) -> None:
        self._slope = image.rescale[0]
        self._padding: tuple[float, float] | None = None
        if image.padding is not None:
            # whole numbers compare with whole numbers, whatever the file's dtype can hold
            as_stored = int if image.dtype.kind in "ui" else float
            self._padding = as_stored(image.padding[0]), as_stored(image.padding[1])
        # rounding is monotonous: a value at an end of the window is still within it in single precision
        self._low, self._high = np.float32(window[0]), np.float32(window[1])
        ends = [image.rescale[0] * limit + image.rescale[1] for limit in image.limits]
        self._all_inside = image.dtype.kind in "ui" and window[0] <= min(ends) and max(ends) <= window[1]
        self._regions = _within(image)

    def gaps(self, frame: np.ndarray) -> np.ndarray | None:
        """Where there is no intensity at all.

        Args:
            frame: [C, *spatial], stored values.

        Returns:
            bool, of the same shape, or None where every pixel has one.
        """
        gaps = None
        if frame.dtype.kind == "f":
            with np.errstate(over="ignore"):  # what single precision cannot hold, a network cannot see
                gaps = ~np.isfinite(frame.astype(np.float32, copy=False) * np.float32(self._slope))
        if self._padding is not None:
            first, last = self._padding
            padding = (frame >= first) & (frame <= last)
            gaps = padding if gaps is None else gaps | padding
        return gaps

    def where(self, shown: np.ndarray, gaps: np.ndarray | None) -> np.ndarray | None:
        """Where a network may change a frame.

        Args:
            shown: what the network saw of it: float32, [C or 1, *spatial].
            gaps: of the same shape, or None.

        Returns:
            bool, of the same shape, or None: everywhere.
        """
        masks = []
        if not self._all_inside:
            masks += [shown >= self._low, shown <= self._high]
        if gaps is not None:
            masks.append(~gaps)
        if self._regions is not None:
            masks.append(np.broadcast_to(self._regions, shown.shape))
        # one by one, since all at once would be copied to another order of memory
        return reduce(np.logical_and, masks) if masks else None

    def keep_off_padding(self, values: np.ndarray, source: np.ndarray) -> None:
        """Move what became padding by accident to the nearest value on its source's side.

        Args:
            values: of the file's dtype; corrected in place.
            source: what stood there before, of the same shape and dtype.
        """
        if self._padding is None:
            return
        first, last = self._padding
        taken = (values >= first) & (values <= last)
        for beside, there in (
            (_before(first, values.dtype), source < first),
            (_after(last, values.dtype), source > last),
        ):
            there &= taken
            if there.any():
                values[there] = beside


def _before(value: float, dtype: np.dtype) -> float:
    return value - 1 if dtype.kind in "ui" else float(np.nextafter(dtype.type(value), dtype.type(-np.inf)))


def _after(value: float, dtype: np.dtype) -> float:
    return value + 1 if dtype.kind in "ui" else float(np.nextafter(dtype.type(value), dtype.type(np.inf)))


def _within(image: StoredImage) -> np.ndarray | None:
    """bool, [*spatial], or None where the file names no regions."""
    if image.regions is None:
        return None
    within = np.zeros(image.shape, dtype=bool, order="F")  # rows of pixels, as files hold them
    for x0, y0, x1, y1 in image.regions:
        within[max(x0, 0) : max(x1, 0), max(y0, 0) : max(y1, 0)] = True
    return within
