# SPDX-License-Identifier: Apache-2.0
"""From stored pixels to what a network sees, and from its change back to stored pixels."""

from __future__ import annotations

import math

import numpy as np

from monai_gradprom.enhance.bands import rows_of
from monai_gradprom.errors import InputError
from monai_gradprom.formats.luminance import luminance
from monai_gradprom.formats.stored import StoredImage

from .change import Change
from .changeable import Changeable
from .interpolate import enlarge_cubic, enlarge_nearest, without_gaps
from .network_view import NetworkView

__all__ = ["PixelMap"]


class PixelMap:
    """The way of one file's pixels to a network and back.

    Forth: stored values become modality units by the file's ``rescale``; MONOCHROME1 is mirrored within the window, so
    that bright is high; colour becomes luminance for a network of one channel, and grey is repeated for one of three.
    Padding, NaN and infinity are shown to the network as the low (or, for +inf, high) end of the window.

    Back: only the *change* that the network made is carried over, in double precision, added to the stored values and
    rounded once, half to even. A network that changes nothing gives back every stored value bit for bit. Unchanged
    stay values outside the window, padding, NaN, infinity, and everything outside the regions; in an image whose
    regions are ``()``, where no region can be enhanced, that is all. A changed pixel never becomes padding.

    Under super-resolution the change counts from the bicubic interpolation of the source (padding: nearest), which is
    what unchanged places hold.

    Args:
        image: the file.
        window: (low, high) in modality units.
        network_channels: 1 or 3.
        strength: 0 keeps the input, 1 takes the result, between them a blend.

    Attributes:
        change: how much all calls of :meth:`from_network` changed.

    Raises:
        InputError: ``strength`` is not within [0, 1], the window is not finite or not in order, or the file's rescale
            slope has no way back.
    """

    def __init__(
        self, image: StoredImage, window: tuple[float, float], network_channels: int, strength: float = 1.0
    ) -> None:
        slope, intercept = image.rescale
        if not 0 <= strength <= 1:
            raise InputError(f"strength is {strength!r}; give a number from 0 (the input) to 1 (the result).")
        if not (math.isfinite(slope) and math.isfinite(intercept) and slope):
            raise InputError(f"{image.path}: has a rescale slope of 0 or no number, which cannot be undone; leave it.")
        if not (all(map(math.isfinite, window)) and window[0] <= window[1]):
            raise InputError(f"{image.path}: its window is not two finite numbers in order; give one with --window.")
        self.image = image
        self.window = window
        self.network_channels = network_channels
        self.change = Change()
        self._strength = strength
        self._colour_of_grey = image.channels == 1 and network_channels == 3
        self._changeable = Changeable(image, window)
        self._view = NetworkView(image, window, network_channels)
        self._last: tuple[np.ndarray, np.ndarray] | None = None
        # one unit of the network's change, in stored values
        self._back = strength / slope * (-1 if image.inverted else 1)

    def of_rows(self, start: int, stop: int) -> PixelMap:
        """The same for rows ``start`` to ``stop`` - 1 of the frames; what these change is counted here as well."""
        part = PixelMap(rows_of(self.image, start, stop), self.window, self.network_channels, self._strength)
        part.change = self.change
        return part

    def to_network(self, stored: np.ndarray) -> np.ndarray:
        """What the network sees.

        Args:
            stored: [n, C, *spatial], the file's values as it stores them.

        Returns:
            float32, [n, network_channels, *spatial], in modality units, bright is high; :meth:`from_network` needs it
            again, so that nobody may write into it.
        """
        out = np.empty_like(stored, np.float32, shape=(len(stored), self.network_channels, *stored.shape[2:]))
        for shown, frame in zip(out, stored, strict=True):
            self._view.show(shown, frame, self._changeable.gaps(frame))
        self._last = stored, out  # which the way back needs again
        return out

    def from_network(
        self, stored: np.ndarray, result: np.ndarray, factor: int = 1, out: np.ndarray | None = None
    ) -> np.ndarray:
        """The values to store.

        Args:
            stored: as given to :meth:`to_network`.
            result: [n, network_channels, *(factor * spatial)], as :meth:`to_network` returns them.
            factor: by which the network enlarged.
            out: an array for what is returned.

        Returns:
            [n, C, *(factor * spatial)] of the file's dtype, within the file's limits wherever something changed.

        Raises:
            InputError: the result holds NaN or infinity.
            ValueError: the result has another shape.
        """
        sides = [factor * side for side in stored.shape[2:]]
        if result.shape != (len(stored), self.network_channels, *sides):
            raise ValueError(f"The network's result has shape {result.shape} for {stored.shape} and factor {factor}.")
        if out is None:
            out = np.empty_like(stored, self.image.dtype, shape=(*stored.shape[:2], *sides))
        shown = self._last[1] if self._last is not None and self._last[0] is stored else self.to_network(stored)
        for new, frame, made, before in zip(out, stored, result, shown, strict=True):
            before = before[:1] if self._colour_of_grey else before
            if factor == 1:
                self._same_size(new, frame, made, before)
            else:
                self._enlarged(new, frame, made, before, factor)
        return out

    def _may_change(self, gaps: np.ndarray | None, shown: np.ndarray) -> np.ndarray | None:
        return self._changeable.where(shown, None if gaps is None else self._view.gaps(gaps))

    def _difference(self, made: np.ndarray, shown: np.ndarray) -> np.ndarray:
        """What the network changed, in stored values: float64, [C or 1, *spatial]."""
        difference = np.subtract(made, shown, dtype=np.float64)
        if not np.isfinite(difference).all():
            raise InputError(f"{self.image.path}: the network returned NaN or infinity; check its weights.")
        if self._colour_of_grey:
            difference = luminance(difference)
        if self._back != 1:
            difference *= self._back
        return difference

    def _same_size(self, out: np.ndarray, frame: np.ndarray, made: np.ndarray, shown: np.ndarray) -> None:
        out[...] = frame
        if (made == shown).all():
            self.change.add(out, out)
            return
        difference = self._difference(made, shown)
        allowed = self._may_change(self._changeable.gaps(frame), shown)
        if allowed is not None:
            difference *= allowed
        changed = difference != 0
        if changed.any():
            self._store(out, frame + difference, frame, changed)
            self.change.add(frame, out)
        else:
            self.change.add(out, out)

    def _enlarged(self, out: np.ndarray, frame: np.ndarray, made: np.ndarray, shown: np.ndarray, factor: int) -> None:
        gaps = self._changeable.gaps(frame)
        before = enlarge_cubic(frame if gaps is None else without_gaps(frame, gaps), factor)
        difference = self._difference(made, self._view.units(before))
        allowed = self._may_change(gaps, shown)
        if allowed is not None:
            difference *= enlarge_nearest(allowed, factor)
        out[...] = nearest = enlarge_nearest(frame, factor)
        source = nearest.copy()
        filled = np.True_ if gaps is None else ~enlarge_nearest(gaps, factor)
        self._store(out, before + difference, nearest, filled)
        self._store(source, before, nearest, filled)
        self.change.add(source, out)

    def _store(self, out: np.ndarray, values: np.ndarray, source: np.ndarray, where: np.ndarray | np.bool_) -> None:
        """Round ``values`` (float64; overwritten) and write them into ``out``, where they count."""
        low, high = map(float, self.image.limits)
        if out.dtype.kind in "ui":
            np.rint(values, out=values)
            # beyond 53 bits the highest whole number is no float64
            high = high if int(high) <= np.iinfo(out.dtype).max else np.nextafter(high, 0)
        if math.isfinite(low) or math.isfinite(high):
            np.clip(values, low, high, out=values)
        with np.errstate(invalid="ignore", over="ignore"):  # NaN, where it does not count
            np.copyto(out, values, where=where, casting="unsafe")
        self._changeable.keep_off_padding(out, source)
